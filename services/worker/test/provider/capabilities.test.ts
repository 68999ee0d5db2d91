import { describe, expect, test } from 'vitest'
import { FULL_CAPABILITIES } from '../../src/provider/request/capabilities.ts'
import { complaintOf } from '../../src/provider/request/complaint.ts'
import { readRefusal } from '../../src/provider/errors.ts'
import { learnRefusal } from '../../src/provider/request/refusal.ts'

/** Refusals as endpoints write them, and what the worker learns from them; a new one is one row. */

const SENT = {
  names:
    'model messages tools stream stream_options temperature stop max_completion_tokens response_format'.split(
      ' ',
    ),
  hasSystem: true,
  hasToolCalls: false,
  hasReasoning: false,
  hasSignatures: false,
  toolsOptional: true,
  contents: [
    'You may use tools.',
    'Which tools does an agent need, and what is response_format for?',
    'tools',
  ],
}

/** Returns what the worker learns from a refusal; a text is the message in OpenAI's form. */
function learn(status: number, body: unknown) {
  const value = typeof body === 'string' ? { error: { message: body } } : body
  return learnRefusal(FULL_CAPABILITIES, readRefusal(status, JSON.stringify(value)), SENT)
}

describe('a node finds the refused field of a request in the error text of', () => {
  test.each<[string, number, unknown, string]>([
    [
      'OpenAI',
      400,
      {
        error: {
          message: "Unsupported parameter: 'temperature' is not supported with this model.",
          param: 'temperature',
          code: 'unsupported_parameter',
        },
      },
      'sampling',
    ],
    [
      'OpenAI, of one value',
      400,
      {
        error: {
          message:
            "Unsupported value: 'temperature' does not support 0.3 with this model. Only the default (1) value is supported.",
          param: 'temperature',
          code: 'unsupported_value',
        },
      },
      'sampling',
    ],
    [
      'Azure',
      400,
      {
        error: {
          message: 'Unrecognized request argument supplied: stream_options',
          type: 'invalid_request_error',
          param: null,
          code: null,
        },
      },
      'stream_options',
    ],
    [
      'Azure, of two fields',
      400,
      'Unrecognized request arguments supplied: stream_options, temperature',
      'stream_options',
    ],
    [
      'vLLM',
      400,
      {
        object: 'error',
        message:
          "[{'type': 'extra_forbidden', 'loc': ('body', 'stream_options'), 'msg': 'Extra inputs are not permitted', 'input': {'include_usage': True}}]",
        type: 'BadRequestError',
        param: null,
        code: 400,
      },
      'stream_options',
    ],
    [
      'vLLM about tools',
      400,
      {
        object: 'error',
        message:
          '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
        code: 400,
      },
      'tools',
    ],
    [
      'Mistral',
      422,
      {
        object: 'error',
        message: {
          detail: [
            {
              type: 'extra_forbidden',
              loc: ['body', 'stream_options'],
              msg: 'Extra inputs are not permitted',
              input: { include_usage: true },
            },
          ],
        },
      },
      'stream_options',
    ],
    [
      'Mistral, as text',
      422,
      {
        object: 'error',
        message:
          '{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted","input":{"include_usage":true}}]}',
        code: '1000',
      },
      'stream_options',
    ],
    [
      'FastAPI',
      422,
      {
        detail: [
          {
            loc: ['body', 'max_completion_tokens'],
            msg: 'extra fields not permitted',
            type: 'value_error.extra',
          },
        ],
      },
      'tokens',
    ],
    [
      'Groq',
      400,
      {
        error: {
          message: "property 'stream_options' is unsupported, did you mean 'stream'?",
          type: 'invalid_request_error',
        },
      },
      'stream_options',
    ],
    [
      'Groq about JSON with tools',
      400,
      'json mode cannot be combined with tool/function calling',
      'format with tools',
    ],
    [
      'Gemini',
      400,
      [
        {
          error: {
            code: 400,
            message:
              'Invalid JSON payload received. Unknown name "stream_options": Cannot find field.',
            status: 'INVALID_ARGUMENT',
          },
        },
      ],
      'stream_options',
    ],
    [
      'Gemini about JSON with tools',
      400,
      {
        error: {
          code: 400,
          message: "Function calling with a response mime type: 'application/json' is unsupported",
        },
      },
      'format with tools',
    ],
    ['Ollama', 400, 'json: unknown field "stream_options"', 'stream_options'],
    [
      'Ollama about tools',
      400,
      'registry.ollama.ai/library/gemma:7b does not support tools',
      'tools',
    ],
    [
      'OpenRouter about tools',
      404,
      { error: { message: 'No endpoints found that support tool use.', code: 404 } },
      'tools',
    ],
    [
      'DeepSeek',
      400,
      {
        error: {
          message: 'This response_format type is unavailable now',
          code: 'invalid_request_error',
        },
      },
      'response_format',
    ],
    [
      'Fireworks',
      400,
      {
        error: {
          object: 'error',
          message: "Extra inputs are not permitted, field: 'stream_options'",
        },
      },
      'stream_options',
    ],
    [
      'Bedrock about the system role',
      400,
      {
        message: "This model doesn't support system messages. Try again without a system message.",
      },
      'system role',
    ],
    [
      'a gateway, as its own trouble',
      500,
      {
        error: { message: 'litellm.BadRequestError: Unknown parameter: stream_options', code: 500 },
      },
      'stream_options',
    ],
    [
      'a gateway, with an error in its message',
      400,
      'upstream: {"error":{"message":"Unsupported parameter: \'temperature\'","param":"temperature"}}',
      'sampling',
    ],
    ['an endpoint that does not name it', 400, 'Unknown field in request', 'unnamed field'],
  ])('%s', (_title, status, body, reason) => {
    expect(learn(status, body)).toMatchObject({ kind: 'adapt', reason })
  })
})

describe('a node does not learn from a refusal', () => {
  test.each<[string, number, unknown]>([
    [
      'about a prompt that is too long',
      400,
      {
        error: {
          message:
            "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens (8000 in the messages, 500 in the functions, and 500 in the completion). Please reduce the length of the messages, tools, or completion.",
          code: 'context_length_exceeded',
        },
      },
    ],
    [
      'about a prompt that is too long, of Anthropic',
      400,
      {
        type: 'error',
        error: {
          type: 'invalid_request_error',
          message:
            'prompt is too long: 210000 tokens > 200000 maximum (system, tools and messages)',
        },
      },
    ],
    [
      'about a value out of range',
      400,
      {
        error: {
          message:
            "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.",
          param: 'temperature',
          code: 'decimal_above_max_value',
        },
      },
    ],
    [
      'about a list that is too long',
      400,
      {
        error: {
          message:
            "Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with length 9 instead.",
          param: 'stop',
          code: 'array_above_max_length',
        },
      },
    ],
    [
      'about a model that is not there',
      404,
      {
        error: {
          message: 'The model `tools-1` does not exist or you do not have access to it.',
          code: 'model_not_found',
        },
      },
    ],
    ['about a model that is unknown', 400, 'Unknown model: gpt-9'],
    [
      'about a message, repeating it',
      400,
      "messages[1]: 'Which tools does an agent need, and what is response_format for?' is blocked here",
    ],
    [
      'about a message, repeating its beginning',
      400,
      'blocked by a rule: "Which tools does an agent need..."',
    ],
    ['about a message, repeating a short one', 400, "the message 'tools' is blocked here"],
    [
      'about a message, as a validation with its value',
      422,
      {
        detail: [
          {
            type: 'string_type',
            loc: ['body', 'messages', 1, 'content'],
            msg: 'Input should be a valid string',
            input: { tools: [], stream_options: {} },
          },
        ],
      },
    ],
    [
      'about a message, as a validation in Python',
      400,
      "[{'type': 'string_type', 'loc': ('body', 'messages', 1), 'msg': 'Input should be a valid string', 'input': {'tools': [], 'response_format': None}}]",
    ],
    [
      'about a call that the model wrote wrong',
      400,
      {
        error: {
          message: "Failed to parse it. See 'failed_generation' for more details.",
          failed_generation: '{"tools":',
        },
      },
    ],
    ['of a provider in trouble', 500, 'The server had an error while processing tools'],
    ['of a provider that is overloaded', 503, 'stream_options is not supported while overloaded'],
    ['for its rate', 429, 'Unsupported rate of tools'],
    ['of a key', 401, 'tools are not supported for this key'],
  ])('%s', (_title, status, body) => {
    expect(learn(status, body)).toMatchObject({ kind: 'final' })
  })

  test('that repeats the words of the prompt, no matter where in the refusal', () => {
    const message = 'bad: which tools does an agent need, said'
    const error = { status: 400, message, param: undefined, code: undefined }
    expect(complaintOf(error, ['which tools does an agent need'])).toBe('bad said')
  })
})

describe('a long refusal of a provider', () => {
  test('is compared with the prompt in a time that is at most linear in the lengths of both', () => {
    const learn = (repeats: number): number => {
      const message = 'tools response_format json '.repeat(repeats)
      const error = { status: 400, message, param: undefined, code: undefined }
      const before = process.cpuUsage()
      learnRefusal(FULL_CAPABILITIES, error, { ...SENT, contents: [message.repeat(10)] })
      return process.cpuUsage(before).user
    }
    const best = (repeats: number): number => Math.min(...[1, 2, 3].map(() => learn(repeats)))
    // 4 where the time is linear, 16 where it is quadratic.
    expect(best(2_000) / best(500)).toBeLessThan(10)
  })
})
