"""`HIDDEN`: names that AutoGen has in private modules only (``autogen_core._serialization``), and that are taken there.

For each public module of AutoGen the private ones around it, as in `autogen_names.HERE`: ours, and ``theirs=ours``.
"""

from __future__ import annotations

from collections.abc import Mapping

HIDDEN: Mapping[str, Mapping[str, str]] = {
    "autogen_agentchat.agents": {
        "nbagents.agents.code_executor": "RetryDecision",
        "nbagents.agents.configs": "AssistantAgentConfig CodeExecutorAgentConfig SocietyOfMindAgentConfig "
        "UserProxyAgentConfig",
        "nbagents.agents.message_filter": "MessageFilterAgentConfig",
    },
    "autogen_agentchat.tools": {
        "nbagents.agents.configs": "AgentToolConfig",
        "nbagents.agents.task_runner_tool": "TaskRunnerTool TaskRunnerToolArgs",
        "nbagents.teams.team_tool": "TeamToolConfig",
    },
    "autogen_agentchat.base": {
        "nbagents.conditions.combined": "AndTerminationConditionConfig=CombinedTerminationConfig "
        "OrTerminationConditionConfig=CombinedTerminationConfig",
    },
    "autogen_agentchat.conditions": {
        "nbagents.conditions.external": "ExternalTerminationConfig",
        "nbagents.conditions.function_call": "FunctionCallTerminationConfig",
        "nbagents.conditions.handoff": "HandoffTerminationConfig",
        "nbagents.conditions.max_message": "MaxMessageTerminationConfig",
        "nbagents.conditions.source_match": "SourceMatchTerminationConfig",
        "nbagents.conditions.stop_message": "StopMessageTerminationConfig",
        "nbagents.conditions.text_mention": "TextMentionTerminationConfig",
        "nbagents.conditions.text_message": "TextMessageTerminationConfig",
        "nbagents.conditions.timeout": "TimeoutTerminationConfig",
        "nbagents.conditions.token_usage": "TokenUsageTerminationConfig",
    },
    "autogen_agentchat.teams": {
        "nbagents.teams.configs": "RoundRobinGroupChatConfig=TeamConfig SwarmConfig=TeamConfig",
        "nbagents.teams.graph_flow": "GraphFlowConfig _DIGRAPH_STOP_MESSAGE=COMPLETE",
        "nbagents.teams.magentic_ledger": "LedgerEntry=Ledger LedgerEntryBooleanAnswer=Verdict "
        "LedgerEntryStringAnswer=Words",
        "nbagents.teams.magentic_one": "MagenticOneGroupChatConfig",
        "nbagents.teams.magentic_prompts": "ORCHESTRATOR_FINAL_ANSWER_PROMPT=FINAL_ANSWER "
        "ORCHESTRATOR_PROGRESS_LEDGER_PROMPT=PROGRESS ORCHESTRATOR_TASK_LEDGER_FACTS_PROMPT=FACTS "
        "ORCHESTRATOR_TASK_LEDGER_FACTS_UPDATE_PROMPT=NEW_FACTS ORCHESTRATOR_TASK_LEDGER_FULL_PROMPT=LEDGER_MESSAGE "
        "ORCHESTRATOR_TASK_LEDGER_PLAN_PROMPT=PLAN ORCHESTRATOR_TASK_LEDGER_PLAN_UPDATE_PROMPT=NEW_PLAN",
        "nbagents.teams.selector_group_chat": "SelectorGroupChatConfig",
    },
    "autogen_core": {
        "nbagents.models.cache_store": "InMemoryStoreConfig",
        "nbagents.runtime": "MessageHandler SerializationRegistry subscription_factory",
        "nbagents.runtime.core.identity": "is_valid_agent_type is_valid_topic_type",
        "nbagents.runtime.core.serialization": "DataclassJsonMessageSerializer ProtobufMessageSerializer "
        "PydanticJsonMessageSerializer contains_a_union has_nested_base_model has_nested_dataclass",
        "nbagents.runtime.core.subscriptions": "UnboundSubscription",
        "nbagents.runtime.core.handlers": "get_types=types_in",
        "typing": "AnyType=Any",
    },
    "autogen_core.code_executor": {
        "nbagents.executors.command_line.functions": "to_code=source_text to_stub",
        "nbagents.tools.function_source": "import_to_str=import_statement",
    },
    "autogen_core.memory": {
        "nbagents.memory": "ListMemoryConfig",
        "nbagents.messages.memory_content": "ContentType",
    },
    "autogen_core.model_context": {
        "nbagents.memory.context": "UnboundedChatCompletionContextConfig=ContextConfig",
        "nbagents.memory.token_limited": "TokenLimitedChatCompletionContextConfig=TokenLimitedContextConfig",
        "nbagents.memory.windows": "BufferedChatCompletionContextConfig=BufferedContextConfig "
        "HeadAndTailChatCompletionContextConfig=HeadAndTailContextConfig",
    },
    "autogen_core.tools": {
        "nbagents.tools": "FunctionToolConfig StreamWorkbench",
        "nbagents.tools.results": "ResultContent",
        "nbagents.tools.static_workbench": "StaticWorkbenchConfig StateicWorkbenchState=StaticWorkbenchState",
    },
    "autogen_ext.code_executors": {"nbagents.executors": "CommandLineCodeResult"},
    "autogen_ext.code_executors.docker": {
        "nbagents.executors": "CommandLineCodeResult",
        "nbagents.executors.command_line.docker_config": "DockerCommandLineCodeExecutorConfig",
    },
    "autogen_ext.code_executors.jupyter": {"nbagents.executors.jupyter": "JupyterCodeExecutorConfig"},
    "autogen_ext.models.cache": {"nbagents.models.cache": "ChatCompletionCacheConfig"},
    "autogen_ext.models.openai": {
        "nbagents.models.openai_models": "get_info=info_of get_token_limit=context_of",
        "nbagents.models.openai_tools": "normalize_name=normalized",
        "nbagents.compat.openai_wire": "assert_valid_name calculate_vision_tokens convert_tool_choice convert_tools "
        "count_tokens_openai resolve_model to_oai_type",
    },
    "autogen_ext.models.replay": {"nbagents.models.replay": "ReplayChatCompletionClientConfig"},
    "autogen_ext.tools.http": {"nbagents.tools.http": "HttpToolConfig"},
    "autogen_ext.tools.mcp": {
        "nbagents.tools.mcp.adapter": "McpToolAdapter",
        "nbagents.tools.mcp.workbench": "McpWorkbenchConfig McpWorkbenchState",
    },
}
