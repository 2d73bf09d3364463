"""Tool calls of a model that was not taught any: its answer is held to JSON that is either a call or an answer.

A small model that writes calls as it likes writes them wrongly; held to a schema it can only choose. The schema is
an ``anyOf`` of one ``{"tool": NAME, "arguments": ...}`` for each tool and of ``{"answer": ...}``. Calls and results of
the conversation so far are told in the same form, as text: no template for tools is needed.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_core import from_json

from ..errors import ModelResponseError
from .messages import (
    AssistantMessage,
    CreateResult,
    FunctionCall,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)
from .notices import CallPiece
from .offered import OfferedTool, ToolChoice, check_choice, is_forced, schema_of

# Small models copy an example rather than follow a description: each tool is shown as the reply that calls it.
INSTRUCTIONS = """You have these tools:
{tools}
Reply with one JSON object and nothing else. To use a tool, which comes first wherever one fits the request:
{{"tool": NAME, "arguments": ARGUMENTS}}
{answering}"""
ANSWERING = 'When you have the result of a tool, or no tool fits: {"answer": ANSWER}\n'


def told_as_text(messages: Sequence[LLMMessage]) -> list[LLMMessage]:
    """The conversation with its calls and results as text, for a model whose template knows none."""
    return [_as_text(message) for message in messages]


def _as_text(message: LLMMessage) -> LLMMessage:
    if isinstance(message, FunctionExecutionResultMessage):
        results = [
            f"{'Error' if result.is_error else 'Result'} of {result.name}: {result.content}"
            for result in message.content
        ]
        return UserMessage(content="\n".join(results), source="tools")
    if isinstance(message, AssistantMessage) and not isinstance(message.content, str):
        calls = [f'{{"tool": {json.dumps(call.name)}, "arguments": {call.arguments}}}' for call in message.content]
        return AssistantMessage(content="\n".join(calls), source=message.source)
    return message


class JsonTools:
    """The tools of one request, as instructions and a schema; and its answer, as it comes.

    Args:
        tools: at least one.
        choice: as `ChatCompletionClient.create` takes it, but not "none".
        json_output: the form of the answer, where it is not text.

    Raises:
        ValueError: the choice names a tool that is not there.
    """

    def __init__(
        self, tools: Sequence[OfferedTool], choice: ToolChoice, json_output: bool | type[BaseModel] | None
    ) -> None:
        check_choice(tools, choice)
        schemas = [schema_of(tool) for tool in tools]
        self._tools = [schema for schema in schemas if not is_forced(choice) or schema["name"] == choice.name]
        self._may_answer = choice == "auto"
        self._output = json_output
        self._text, self._shown = "", 0
        self._id = f"call_{uuid.uuid4().hex}"

    def messages(self, messages: Sequence[LLMMessage]) -> list[LLMMessage]:
        """What the model is told: the conversation, and how to call a tool, which joins its other instructions."""
        tools = "\n".join(_described(schema) for schema in self._tools)
        asked = INSTRUCTIONS.format(answering=ANSWERING if self._may_answer else "", tools=tools)
        return [*told_as_text(messages), SystemMessage(content=asked)]

    def response_format(self) -> dict[str, Any]:
        """The request's argument that holds the model to the form."""
        definitions: dict[str, Any] = {}
        forms = [
            _object(tool={"const": schema["name"]}, arguments=_lifted(schema.get("parameters"), definitions))
            for schema in self._tools
        ]
        if self._may_answer:
            forms.append(_object(answer=self._answer_schema(definitions)))
        schema = {"anyOf": forms, **({"$defs": definitions} if definitions else {})}
        return {"response_format": {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}}

    def _answer_schema(self, definitions: dict[str, Any]) -> Mapping[str, Any]:
        if not self._output:
            return {"type": "string"}
        return {"type": "object"} if self._output is True else _lifted(self._output.model_json_schema(), definitions)

    def add(self, text: str) -> Iterator[str | CallPiece]:
        """Take a piece of JSON in; yields what it adds to the text of an answer, or to a call."""
        self._text += text
        try:
            said = from_json(self._text, allow_partial="trailing-strings")
        except ValueError:  # not enough of it yet
            return
        said = said if isinstance(said, dict) else {}
        answer, tool = said.get("answer"), said.get("tool")
        if isinstance(answer, str) and len(answer) > self._shown:
            yield answer[self._shown :]
            self._shown = len(answer)
        elif isinstance(tool, str) and (begin := _ARGUMENTS.search(self._text)):
            written = self._text[begin.end() :]
            if _is_whole(self._text):
                written = written.rpartition("}")[0]  # which ends the reply, not the arguments
            yield CallPiece(0, self._id, tool, written[self._shown :])
            self._shown = max(self._shown, len(written))

    def result(self, result: CreateResult) -> CreateResult:
        """The whole answer as a call or as text.

        Raises:
            ModelResponseError: it is neither, because it was cut off or the server did not hold it to the schema.
        """
        cut = result.finish_reason == "length"
        try:
            said = from_json(str(result.content), allow_partial="trailing-strings" if cut else False)
        except ValueError:
            said = None
        if isinstance(said, dict) and "answer" in said and not (cut and self._output):
            answer = said["answer"]
            text = answer if isinstance(answer, str) and not self._output else json.dumps(answer)
            return result.model_copy(update={"content": text})
        if isinstance(said, dict) and "tool" in said and "arguments" in said and not cut:
            call = FunctionCall(self._id, json.dumps(said["arguments"]), str(said["tool"]))
            return result.model_copy(update={"content": [call], "finish_reason": "function_calls"})
        why = "was cut off: raise max_tokens" if cut else "is neither a tool call nor an answer: run it again"
        raise ModelResponseError(
            f"the model's reply {str(result.content)[:80]!r} {why}", provider="local", model=result.model
        )


_ARGUMENTS = re.compile(r'"arguments"\s*:\s*')


def _is_whole(text: str) -> bool:
    try:
        from_json(text)
    except ValueError:
        return False
    return True


def _described(schema: Mapping[str, Any]) -> str:
    """What a tool is for, how it is called, and what its arguments are where the schema says so."""
    arguments: Mapping[str, Any] = (schema.get("parameters") or {}).get("properties", {})
    shown = ", ".join(f"{json.dumps(name)}: {_kind(said)}" for name, said in arguments.items())
    call = f'{{"tool": {json.dumps(schema["name"])}, "arguments": {{{shown}}}}}'
    about = [str(schema.get("description") or schema["name"])]
    about += [f"{name}: {said['description']}" for name, said in arguments.items() if said.get("description")]
    return "\n  ".join(["- " + " ".join("; ".join(about).split()), call])


def _kind(said: Mapping[str, Any]) -> str:
    """A word for a type, where one says it; else its schema."""
    kind = said.get("type")
    return kind.upper() if isinstance(kind, str) and kind not in ("object", "array") else json.dumps(said)


def _object(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def _lifted(schema: Mapping[str, Any] | None, definitions: dict[str, Any]) -> Mapping[str, Any]:
    """The schema without its definitions, which go to where its references look for them: to the top.

    Two tools may define different things under one name: then the later one's gets a name of its own.
    """
    if not schema:
        return _object()
    own = schema.get("$defs") or {}
    renamed = {name: _free(name, said, definitions) for name, said in own.items()}
    for name, said in own.items():
        definitions[renamed[name]] = _pointing(said, renamed)
    rest: Mapping[str, Any] = _pointing({word: said for word, said in schema.items() if word != "$defs"}, renamed)
    return rest


def _free(name: str, said: Any, definitions: Mapping[str, Any]) -> str:
    while name in definitions and definitions[name] != said:
        name += "_"
    return name


def _pointing(schema: Any, renamed: Mapping[str, str]) -> Any:
    if isinstance(schema, list):
        return [_pointing(part, renamed) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {word: _pointing(part, renamed) for word, part in schema.items()}
    if isinstance(reference := schema.get("$ref"), str) and reference.startswith("#/$defs/"):
        name = reference.removeprefix("#/$defs/")
        made["$ref"] = f"#/$defs/{renamed.get(name, name)}"
    return made
