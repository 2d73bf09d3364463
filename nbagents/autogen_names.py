"""The one table of AutoGen's public modules and names, and where ours are. Data only.

`HERE` says for each public module of AutoGen 0.7.5 which of its names are here, and where; ``theirs=ours`` where a
name differs. `LACKING` has the public names that nbagents does not have; `docs/migrating.md` says what to do without
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from .autogen_private_names import HIDDEN

ROOTS = ("autogen_agentchat", "autogen_core", "autogen_ext")
PAGE = "docs/migrating.md"

HERE: Mapping[str, Mapping[str, str]] = {
    "autogen_agentchat": {"nbagents.runtime": "EVENT_LOGGER_NAME TRACE_LOGGER_NAME"},
    "autogen_agentchat.agents": {
        "nbagents.agents": "ApprovalFuncType ApprovalRequest ApprovalResponse AssistantAgent BaseChatAgent "
        "CodeExecutorAgent MessageFilterAgent MessageFilterConfig PerSourceFilter SocietyOfMindAgent UserProxyAgent",
    },
    "autogen_agentchat.base": {
        "nbagents.agents": "ChatAgent Handoff Response TaskResult TaskRunner",
        "nbagents.conditions": "AndTerminationCondition OrTerminationCondition TerminatedException "
        "TerminationCondition",
        "nbagents.teams": "Team",
    },
    "autogen_agentchat.conditions": {
        "nbagents.conditions": "ExternalTermination FunctionCallTermination FunctionalTermination HandoffTermination "
        "MaxMessageTermination SourceMatchTermination StopMessageTermination TextMentionTermination "
        "TextMessageTermination TimeoutTermination TokenUsageTermination",
    },
    "autogen_agentchat.messages": {
        "nbagents.messages": "AgentEvent BaseAgentEvent BaseChatMessage BaseMessage BaseTextChatMessage ChatMessage "
        "CodeExecutionEvent CodeGenerationEvent HandoffMessage MemoryQueryEvent MessageFactory "
        "ModelClientStreamingChunkEvent MultiModalMessage SelectSpeakerEvent SelectorEvent StopMessage "
        "StructuredContentType StructuredMessage StructuredMessageFactory TextMessage ThoughtEvent "
        "ToolCallExecutionEvent ToolCallRequestEvent ToolCallSummaryMessage UserInputRequestedEvent",
        "nbagents.messages.structured": "StructureMessageConfig=StructuredMessageFactoryConfig",
    },
    "autogen_agentchat.state": {
        "nbagents.state": "AssistantAgentState BaseGroupChatManagerState BaseState ChatAgentContainerState "
        "MagenticOneOrchestratorState RoundRobinManagerState SelectorManagerState SocietyOfMindAgentState "
        "SwarmManagerState TeamState",
    },
    "autogen_agentchat.teams": {
        "nbagents.teams": "BaseGroupChat DiGraph DiGraphBuilder DiGraphEdge DiGraphNode GraphFlow "
        "MagenticOneGroupChat RoundRobinGroupChat SelectorGroupChat Swarm",
    },
    "autogen_agentchat.tools": {"nbagents.agents": "AgentTool", "nbagents.teams": "TeamTool"},
    "autogen_agentchat.ui": {"nbagents.ui": "Console UserInputManager"},
    "autogen_agentchat.utils": {
        "nbagents.agents.model_turn": "remove_images",
        "nbagents.models.contents": "content_to_str",
    },
    "autogen_core": {
        "nbagents.cancellation": "CancellationToken",
        "nbagents.component": "Component ComponentBase ComponentFromConfig ComponentLoader ComponentModel "
        "ComponentSchemaType ComponentToConfig ComponentType is_component_class is_component_instance",
        "nbagents.image": "Image",
        "nbagents.models": "CacheStore FunctionCall InMemoryStore",
        "nbagents.runtime.agent_spans": "trace_create_agent_span trace_invoke_agent_span trace_tool_span",
        "nbagents.runtime": "Agent AgentId AgentInstantiationContext AgentMetadata AgentProxy AgentRuntime AgentType "
        "BaseAgent ClosureAgent ClosureContext DefaultInterventionHandler DefaultSubscription DefaultTopicId "
        "DropMessage EVENT_LOGGER_NAME InterventionHandler JSON_DATA_CONTENT_TYPE MessageContext "
        "MessageHandlerContext MessageSerializer PROTOBUF_DATA_CONTENT_TYPE ROOT_LOGGER_NAME RoutedAgent "
        "SingleThreadedAgentRuntime Subscription SubscriptionInstantiationContext TRACE_LOGGER_NAME TopicId "
        "TypePrefixSubscription TypeSubscription UnknownPayload default_subscription event message_handler rpc "
        "try_get_known_serializers_for_type type_subscription",
    },
    "autogen_core.code_executor": {
        "nbagents.executors": "CodeBlock CodeExecutor CodeResult FunctionWithRequirements FunctionWithRequirementsStr "
        "with_requirements",
        "nbagents.tools": "Alias ImportFromModule",
        "nbagents.tools.function_source": "Import",
    },
    "autogen_core.exceptions": {
        "nbagents.runtime": "CantHandleException MessageDroppedException NotAccessibleError UndeliverableException",
    },
    "autogen_core.logging": {
        "nbagents.runtime.core.events": "AgentConstructionExceptionEvent DeliveryStage MessageDroppedEvent "
        "MessageEvent MessageHandlerExceptionEvent MessageKind",
        "nbagents.runtime.effect_events": "LLMCallEvent LLMStreamEndEvent LLMStreamStartEvent ToolCallEvent",
    },
    "autogen_core.memory": {
        "nbagents.memory": "ListMemory Memory MemoryContent MemoryMimeType MemoryQueryResult UpdateContextResult",
    },
    "autogen_core.model_context": {
        "nbagents.memory": "BufferedChatCompletionContext ChatCompletionContext ChatCompletionContextState "
        "HeadAndTailChatCompletionContext TokenLimitedChatCompletionContext UnboundedChatCompletionContext",
    },
    "autogen_core.models": {
        "nbagents.models": "AssistantMessage ChatCompletionClient ChatCompletionTokenLogprob CreateResult "
        "FinishReasons FunctionExecutionResult FunctionExecutionResultMessage LLMMessage ModelCapabilities "
        "ModelFamily ModelInfo RequestUsage SystemMessage TopLogprob UserMessage validate_model_info",
    },
    "autogen_core.tool_agent": {
        "nbagents.runtime": "InvalidToolArgumentsException ToolAgent ToolException ToolExecutionException "
        "ToolNotFoundException tool_agent_caller_loop",
    },
    "autogen_core.tools": {
        "nbagents.tools": "BaseStreamTool BaseTool BaseToolWithState FunctionTool ImageResultContent ParametersSchema "
        "StaticStreamWorkbench StaticWorkbench StreamTool TextResultContent Tool ToolOverride ToolResult ToolSchema "
        "Workbench",
    },
    "autogen_core.utils": {
        "nbagents.models.contents": "extract_json_from_str",
        "nbagents.models.json_schema": "schema_to_pydantic_model",
    },
    "autogen_ext": {},
    "autogen_ext.cache_store": {},
    "autogen_ext.cache_store.diskcache": {
        "nbagents.models": "DiskCacheStore",
        "nbagents.models.cache_store": "DiskCacheStoreConfig",
    },
    "autogen_ext.cache_store.redis": {
        "nbagents.models": "RedisStore",
        "nbagents.models.redis_store": "RedisStoreConfig",
    },
    "autogen_ext.code_executors": {"nbagents.executors": "create_default_code_executor"},
    "autogen_ext.code_executors.azure": {
        "nbagents.executors": "ACADynamicSessionsCodeExecutor=AzureContainerCodeExecutor TokenProvider",
    },
    "autogen_ext.code_executors.docker": {"nbagents.executors": "DockerCommandLineCodeExecutor"},
    "autogen_ext.code_executors.jupyter": {"nbagents.executors": "JupyterCodeExecutor JupyterCodeResult"},
    "autogen_ext.code_executors.local": {
        "nbagents.executors": "CommandLineCodeResult LocalCommandLineCodeExecutor",
        "nbagents.executors.command_line.local": "LocalCommandLineCodeExecutorConfig",
    },
    "autogen_ext.models": {},
    "autogen_ext.models.cache": {
        "nbagents.models": "ChatCompletionCache",
        "nbagents.models.cache": "CHAT_CACHE_VALUE_TYPE",
    },
    "autogen_ext.models.anthropic": {
        "nbagents.models": "AnthropicChatCompletionClient",
        "nbagents.models.anthropic_config": "AnthropicClientConfigurationConfigModel=AnthropicClientConfig",
        "nbagents.models.openai_config": "AnthropicClientConfiguration=ClientArguments",
    },
    "autogen_ext.models.anthropic.config": {
        "nbagents.models.anthropic_config": "AnthropicClientConfigurationConfigModel=AnthropicClientConfig",
        "nbagents.models.openai_config": "AnthropicClientConfiguration=ClientArguments "
        "BaseAnthropicClientConfiguration=ClientArguments CreateArguments=ClientArguments",
    },
    "autogen_ext.models.ollama": {
        "nbagents.models": "OllamaChatCompletionClient",
        "nbagents.models.ollama": "BaseOllamaClientConfigurationConfigModel=OllamaClientConfig",
    },
    "autogen_ext.models.ollama.config": {
        "nbagents.models.ollama": "BaseOllamaClientConfigurationConfigModel=OllamaClientConfig",
        "nbagents.models.openai_config": "BaseOllamaClientConfiguration=ClientArguments "
        "CreateArguments=ClientArguments",
    },
    "autogen_ext.models.openai": {
        "nbagents.models": "AzureOpenAIChatCompletionClient OpenAIChatCompletionClient "
        "BaseOpenAIChatCompletionClient=OpenAIChatCompletionClient",
        "nbagents.models.azure": "AzureOpenAIClientConfigurationConfigModel=AzureOpenAIClientConfig",
        "nbagents.models.openai_config": "BaseOpenAIClientConfigurationConfigModel=OpenAIClientConfig "
        "OpenAIClientConfigurationConfigModel=OpenAIClientConfig",
    },
    "autogen_ext.models.openai.config": {
        "nbagents.models.azure": "AzureOpenAIClientConfigurationConfigModel=AzureOpenAIClientConfig",
        "nbagents.models.openai_config": "AzureOpenAIClientConfiguration=ClientArguments "
        "BaseOpenAIClientConfiguration=ClientArguments BaseOpenAIClientConfigurationConfigModel=OpenAIClientConfig "
        "CreateArguments=ClientArguments OpenAIClientConfiguration=ClientArguments "
        "OpenAIClientConfigurationConfigModel=OpenAIClientConfig",
    },
    "autogen_ext.models.replay": {"nbagents.models": "ReplayChatCompletionClient"},
    "autogen_ext.tools": {},
    "autogen_ext.tools.code_execution": {
        "nbagents.tools": "CodeExecutionInput CodeExecutionResult PythonCodeExecutionTool",
    },
    "autogen_ext.tools.http": {"nbagents.tools": "HttpTool"},
    "autogen_ext.tools.mcp": {
        # The host and what it is made of are those of AutoGen's main branch.
        "nbagents.tools.mcp": "ChatCompletionClientSampler Elicitor McpServerParams McpSessionHost McpWorkbench "
        "RootsProvider Sampler SseMcpToolAdapter SseServerParams StaticRootsProvider StdioElicitor StdioMcpToolAdapter "
        "StdioServerParams StreamElicitor StreamableHttpMcpToolAdapter StreamableHttpServerParams "
        "create_mcp_server_session mcp_server_tools",
        "nbagents.tools.mcp.elicitation": "StdioElicitorConfig",
        "nbagents.tools.mcp.roots": "StaticRootsProviderConfig",
        "nbagents.tools.mcp.sampling": "ChatCompletionClientSamplerConfig",
        "nbagents.tools": "ToolOverride",
    },
}

LACKING: Mapping[str, str] = {
    "autogen_ext.agents.azure": "AzureAIAgent",
    "autogen_ext.agents.file_surfer": "FileSurfer",
    "autogen_ext.agents.magentic_one": "MagenticOneCoderAgent",
    "autogen_ext.agents.openai": "OpenAIAgent OpenAIAssistantAgent",
    "autogen_ext.agents.video_surfer": "VideoSurfer",
    "autogen_ext.agents.web_surfer": "MultimodalWebSurfer PlaywrightController",
    "autogen_ext.auth.azure": "AzureTokenProvider TokenProviderConfig",
    "autogen_ext.code_executors.docker_jupyter": "DockerJupyterCodeExecutor DockerJupyterCodeResult "
    "DockerJupyterServer JupyterClient JupyterKernelClient",
    "autogen_ext.experimental.task_centric_memory": "MemoryBankConfig MemoryController MemoryControllerConfig",
    "autogen_ext.experimental.task_centric_memory.utils": "Apprentice ApprenticeConfig ChatCompletionClientRecorder "
    "Grader PageLogger PageLoggerConfig Teachability",
    "autogen_ext.memory.canvas": "TextCanvas TextCanvasMemory",
    "autogen_ext.memory.chromadb": "ChromaDBVectorMemory ChromaDBVectorMemoryConfig CustomEmbeddingFunctionConfig "
    "DefaultEmbeddingFunctionConfig HttpChromaDBVectorMemoryConfig OpenAIEmbeddingFunctionConfig "
    "PersistentChromaDBVectorMemoryConfig SentenceTransformerEmbeddingFunctionConfig",
    "autogen_ext.memory.mem0": "Mem0Memory Mem0MemoryConfig",
    "autogen_ext.memory.redis": "RedisMemory RedisMemoryConfig",
    "autogen_ext.models.anthropic": "AnthropicBedrockChatCompletionClient AnthropicBedrockClientConfiguration "
    "AnthropicBedrockClientConfigurationConfigModel BaseAnthropicChatCompletionClient BedrockInfo "
    "CreateArgumentsConfigModel",
    "autogen_ext.models.azure": "AzureAIChatCompletionClient AzureAIChatCompletionClientConfig",
    "autogen_ext.models.llama_cpp": "LlamaCppChatCompletionClient",
    "autogen_ext.models.ollama": "CreateArgumentsConfigModel",
    "autogen_ext.models.openai": "AZURE_OPENAI_USER_AGENT CreateArgumentsConfigModel",
    "autogen_ext.models.semantic_kernel": "SKChatCompletionAdapter",
    "autogen_ext.runtimes.grpc": "GrpcWorkerAgentRuntime GrpcWorkerAgentRuntimeHost GrpcWorkerAgentRuntimeHostServicer",
    "autogen_ext.teams.magentic_one": "MagenticOne",
    "autogen_ext.tools.azure": "AzureAISearchConfig AzureAISearchTool BaseAzureAISearchTool SearchQuery SearchResult "
    "SearchResults VectorizableTextQuery",
    "autogen_ext.tools.graphrag": "GlobalContextConfig GlobalDataConfig GlobalSearchTool GlobalSearchToolArgs "
    "GlobalSearchToolReturn LocalContextConfig LocalDataConfig LocalSearchTool LocalSearchToolArgs "
    "LocalSearchToolReturn MapReduceConfig SearchConfig",
    "autogen_ext.tools.langchain": "LangChainToolAdapter",
    "autogen_ext.tools.mcp": "McpSessionActor",
    "autogen_ext.tools.semantic_kernel": "KernelFunctionFromTool KernelFunctionFromToolSchema",
    "autogen_ext.ui": "RichConsole",
}

BROUGHT: Mapping[str, str] = {"Image": "PIL.Image"}
"""What is imported along with a name of AutoGen's, where code counts on it: `import PIL` and then `PIL.Image.open`."""

PRIVATE_PACKAGES = (
    "autogen_agentchat.teams._group_chat autogen_agentchat.teams._group_chat._graph "
    "autogen_agentchat.teams._group_chat._magentic_one autogen_core._telemetry"
)
"""AutoGen's private modules that hold others; in all others what is imported is a name."""

LOGGERS: Mapping[str, str] = {
    "autogen_agentchat": "nbagents",
    "autogen_agentchat.events": "nbagents.runtime.events",
    "autogen_core": "nbagents",
    "autogen_core.events": "nbagents.runtime.events",
    "autogen_core.trace": "nbagents.runtime.trace",
}
"""AutoGen's loggers by the names that code writes out, and ours."""

WELL_KNOWN: Mapping[str, str] = {
    "OpenAIChatCompletionClient": "autogen_ext.models.openai.OpenAIChatCompletionClient",
    "openai_chat_completion_client": "autogen_ext.models.openai.OpenAIChatCompletionClient",
    "AzureOpenAIChatCompletionClient": "autogen_ext.models.openai.AzureOpenAIChatCompletionClient",
    "azure_openai_chat_completion_client": "autogen_ext.models.openai.AzureOpenAIChatCompletionClient",
    "OllamaChatCompletionClient": "autogen_ext.models.ollama.OllamaChatCompletionClient",
    # AutoGen's documentation has it, its code does not.
    "AnthropicChatCompletionClient": "autogen_ext.models.anthropic.AnthropicChatCompletionClient",
}
"""Short names that AutoGen takes for a provider."""


def is_autogen(dotted: str) -> bool:
    """True for AutoGen's modules and what is in them."""
    return dotted.partition(".")[0] in ROOTS


@cache
def modules() -> frozenset[str]:
    """AutoGen's public modules, with the packages that only hold others."""
    named = {*HERE, *LACKING}
    parts = (name.split(".") for name in named)
    return frozenset(".".join(path[:length]) for path in parts for length in range(1, len(path) + 1))


def is_module(name: str) -> bool:
    """True for a public module of AutoGen's, and for what may be a private one below it."""
    public = public_module(name)
    if public == name:
        return name in modules()
    parent, _, last = name.rpartition(".")
    return last.startswith("_") and (parent in modules() or parent in PRIVATE_PACKAGES.split())


@cache
def names(module: str) -> Mapping[str, tuple[str, str]]:
    """The names of one of AutoGen's modules that are here: each with our module and our name.

    A private module has those of its package, and what AutoGen has in such modules only.
    """
    public = public_module(module)
    tables = [HERE] if public == module else [HERE, HIDDEN]
    found: dict[str, tuple[str, str]] = {}
    for table in tables:
        for place, words in table.get(public, {}).items():
            for word in words.split():
                theirs, _, ours_ = word.partition("=")
                found[theirs] = (place, ours_ or theirs)
    return found


def public_module(module: str) -> str:
    """The module itself, or for a private one (``pkg._part``) the public package that it is a part of."""
    path = module.split(".")
    private = next((at for at, part in enumerate(path) if part.startswith("_")), len(path))
    return ".".join(path[:private])


def ours(dotted: str) -> tuple[str, str] | None:
    """Our module and name for one of AutoGen's dotted names; None where nbagents has none."""
    module, _, name = dotted.rpartition(".")
    return names(module).get(name)


def lacks(module: str, name: str) -> bool:
    """True for a public name of AutoGen's that nbagents does not have."""
    return name in LACKING.get(module, "").split()


def lacking(dotted: str) -> str:
    """What to say of a name of AutoGen's that nbagents does not have."""
    return f"nbagents has no {dotted}: see {PAGE}"


def theirs(name: str) -> Iterator[tuple[str, str]]:
    """Where AutoGen has what is called `name` here: its dotted name, and our module."""
    for module in HERE:
        for theirs_, (place, ours_) in names(module).items():
            if ours_ == name:
                yield f"{module}.{theirs_}", place
