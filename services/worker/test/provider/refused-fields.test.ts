import { expect, test } from 'vitest'
import { FULL_CAPABILITIES } from '../../src/provider/request/capabilities.ts'
import { learnRefusal } from '../../src/provider/request/refusal.ts'
import { readRefusal } from '../../src/provider/errors.ts'
import { SENT_FIELDS } from './sent.ts'

/** Refusals in the words of many endpoints, and the lesson of each; a new wording is one row. */

const SENT = { ...SENT_FIELDS, contents: ['You may use tools.', 'What is 6*7?'] }

const LESSONS: Readonly<Record<string, readonly string[]>> = {
  stream_options: [
    'Parâmetro desconhecido: stream_options',
    '未知参数 stream_options',
    'Unknown name "streamOptions": Cannot find field.',
    "Additional properties are not allowed ('stream_options' was unexpected)",
    'property "stream_options" is not expected',
    'Unrecognized request argument supplied: stream_options',
    'Unrecognized request arguments supplied: stream_options, temperature',
    "[{'type': 'extra_forbidden', 'loc': ('body', 'stream_options'), 'msg': 'Extra inputs are not permitted', 'input': {'include_usage': True}}]",
    '{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted","input":{"include_usage":true}}]}',
    "property 'stream_options' is unsupported, did you mean 'stream'?",
    'json: unknown field "stream_options"',
    "Extra inputs are not permitted, field: 'stream_options'",
  ],
  'unnamed field': [
    '参数错误',
    'Invalid request parameters',
    'Bad Request',
    'Unprocessable Entity',
    'Unbekanntes Feld',
    'Campo desconocido',
    'The request is malformed',
    'Unknown field in request',
  ],
  tokens: [
    "Unsupported parameter: 'max_completion_tokens'. Use 'max_tokens' instead.",
    'Unknown name "maxCompletionTokens"',
  ],
  sampling: [
    '`temperature` and `top_p` cannot both be specified',
    'Unrecognized request argument supplied: seed',
    'topP is not supported',
    'stop sequences are not supported by this model',
    'Argument not supported on this model: stop',
    "Unsupported value: 'reasoning_effort' does not support 'minimal' with this model. Supported values are: 'low' and 'high'.",
    "Unknown parameter: 'reasoning'.",
    '"gemma" does not support thinking',
    'verbosity: unknown field',
    'temperature is deprecated for this model',
    'unknown field `seed`, expected one of `model`, `messages`',
  ],
  response_format: [
    'This response_format type is unavailable now',
    'responseMimeType is not supported',
    'JSON mode is not enabled for this model',
    'failed to parse grammar',
    'guided decoding backend not installed',
  ],
  'this schema': [
    'Unsupported JSON schema keyword: minItems',
    'The specified schema produces a constraint that has too many states for serving.',
  ],
  'format with tools': [
    'response_format and tools cannot be used together',
    'json mode cannot be combined with tool/function calling',
    "Function calling with a response mime type: 'application/json' is unsupported",
  ],
  tools: [
    'This model does not support function calling',
    'registry.ollama.ai/library/gemma:7b does not support tools',
    '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
    'No endpoints found that support tool use.',
    'tool_use is not supported by this model',
    'function_declarations is not supported',
    '`functions` unsupported',
    '该模型不支持工具调用',
  ],
  'system role': [
    'Only user, assistant and tool roles are supported!',
    'Developer instruction is not enabled for models/gemma-3-27b-it',
    'Conversation roles must alternate user/assistant/user/assistant/...',
    'invalid role: system',
    '该模型不支持 system 角色',
  ],
  content: [
    'messages[2].content 不能为空',
    "Invalid value for 'content': expected a string, got null.",
    'all messages must have non-empty content except for the optional final assistant message',
  ],
  'tool ids': [
    "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
    'Tool call id was call_x but must be a-z, A-Z, 0-9, with a length of 9.',
    "Invalid 'messages[2].tool_calls[0].id': string too long. Expected a string with maximum length 40.",
  ],
  'reasoning required': [
    'The `reasoning_content` in the thinking mode must be passed back to the API.',
    'Expected `thinking` or `redacted_thinking`, but found `tool_use`.',
  ],
  'tool schemas': [
    'Invalid JSON payload received. Unknown name "$schema" at \'tools[0].function_declarations[0].parameters\': Cannot find field.',
    'Invalid JSON payload received. Unknown name "const" at \'tools[0].function_declarations[5].parameters.properties[8].value.any_of[0]\': Cannot find field.',
    'GenerateContentRequest.tools[0].function_declarations[0].parameters.properties[x].items: missing field.',
    "Invalid schema for function 'find': In context=('properties', 'a'), array schema missing items.",
    "Invalid schema for function 'find': schema must have type 'object' and not have 'oneOf'/'anyOf' at the top level.",
    'tools.73.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level',
    'tools.0.custom.input_schema: JSON schema is invalid. It must match JSON Schema draft 2020-12',
    'Invalid tool parameters schema : field `anyOf`: missing field `type`',
    'Unsupported JSON schema keyword in the parameters of the function find: $ref',
  ],
  stream: ['stream must be false', 'This model does not support streaming with tools'],
}

test.each(
  Object.entries(LESSONS).flatMap(([lesson, said]) =>
    said.map((message): [string, string] => [lesson, message]),
  ),
)('a node learns the restriction %j from a refusal with the text %j', (lesson, message) => {
  for (const body of [{ error: { message } }, { detail: message }, { object: 'error', message }]) {
    const decision = learnRefusal(FULL_CAPABILITIES, readRefusal(400, JSON.stringify(body)), SENT)
    expect(decision).toMatchObject({ reason: lesson })
  }
})

test.each<[string, object]>([
  [
    'system role',
    {
      type: 'literal_error',
      loc: ['body', 'messages', 0, 'role'],
      msg: "Input should be 'user' or 'assistant'",
      input: 'system',
    },
  ],
  [
    'content',
    {
      type: 'string_type',
      loc: ['body', 'messages', 2, 'content'],
      msg: 'Input should be a valid string',
      input: null,
    },
  ],
  [
    'response_format',
    {
      type: 'literal_error',
      loc: ['body', 'response_format', 'type'],
      msg: "Input should be 'text' or 'json_object'",
      input: 'json_schema',
    },
  ],
  ...[
    ['extra_forbidden', 'Extra inputs are not permitted'],
    ['value_error.extra', 'extra fields not permitted'],
  ].map(([type, msg]): [string, object] => [
    'tokens',
    { type, loc: ['body', 'max_completion_tokens'], msg },
  ]),
])(
  'a node learns the restriction %j from a refusal with a list of validation errors',
  (reason, detail) => {
    for (const body of [{ detail: [detail] }, { message: { detail: [detail] } }]) {
      const error = readRefusal(422, JSON.stringify(body))
      expect(learnRefusal(FULL_CAPABILITIES, error, SENT)).toMatchObject({ reason })
    }
  },
)

const UNSUPPORTED = "Unsupported parameter: 'temperature'"
test.each<[string, string, number, unknown]>([
  [
    'that names its parameter',
    'sampling',
    400,
    { error: { message: 'x', param: 'temperature', code: 'unsupported_parameter' } },
  ],
  [
    'that names its parameter because of its value',
    'sampling',
    400,
    { error: { message: 'x', param: 'temperature', code: 'unsupported_value' } },
  ],
  ['in a list', 'stream_options', 400, [{ error: { message: 'Unknown name "stream_options"' } }]],
  ['for a path', 'tools', 404, { error: { message: 'No endpoints found that support tool use.' } }],
  [
    'without a frame',
    'system role',
    400,
    { message: "This model doesn't support system messages. Try again without a system message." },
  ],
  [
    'that a gateway reports as its own error',
    'stream_options',
    500,
    { error: { message: 'litellm.BadRequestError: Unknown parameter: stream_options', code: 500 } },
  ],
  [
    'that a gateway has in its message',
    'sampling',
    400,
    {
      error: { message: `upstream: {"error":{"message":"${UNSUPPORTED}","param":"temperature"}}` },
    },
  ],
])('a node learns from a refusal %s: %j', (_title, reason, status, body) => {
  const error = readRefusal(status, JSON.stringify(body))
  expect(learnRefusal(FULL_CAPABILITIES, error, SENT)).toMatchObject({ reason })
})

test.each([
  'tools param requires --jinja flag',
  'Unsupported param: tools',
  'This server does not support tools.',
])(
  'a node learns that an endpoint has no tools although it reports its own error: %s',
  (message) => {
    const error = readRefusal(500, JSON.stringify({ error: { code: 500, message } }))
    expect(learnRefusal(FULL_CAPABILITIES, error, SENT)).toMatchObject({ reason: 'tools' })
  },
)
