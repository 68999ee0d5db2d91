import { describe, expect, test } from 'vitest'
import { FULL_CAPABILITIES } from '../../src/provider/request/capabilities.ts'
import { learnRefusal } from '../../src/provider/request/refusal.ts'
import { readRefusal } from '../../src/provider/errors.ts'
import { GOOD } from './answers.ts'
import { SENT_FIELDS } from './sent.ts'
import { endpoint, providerAt, refuse, runTask, sendEvents } from './support.ts'

/** Refusals of a limit of tokens, and the limit that follows; a new wording is one row. */

const SENT = { ...SENT_FIELDS, outputTokensMax: 100_000 }

const learn = (message: string) =>
  learnRefusal(FULL_CAPABILITIES, readRefusal(400, JSON.stringify({ error: { message } })), SENT)

describe('a node learns the limit of tokens', () => {
  const LIMITS = {
    'max_tokens is too large: 100000. This model supports at most 16384 completion tokens, whereas you provided 100000.': 16_384,
    '<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, 8192]': 8_192,
    'Invalid max_tokens value, the valid range of max_tokens is [1, 8192]': 8_192,
    'The parameter max_tokens specified in the request is not valid: integer above maximum value, expected a value <= 32768, but got 100000 instead.': 32_768,
    'max_tokens: 100000 > 8192, which is the maximum allowed number of output tokens for claude': 8_192,
    '`max_completion_tokens` must be less than or equal to `8192`, the maximum value for `max_completion_tokens` is less than the `context_window` for this model': 8_192,
    'max_tokens is too large (100000 > 4096)': 4_096,
    'too many tokens: max tokens must be less than or equal to 4096, the maximum output for this model - received 100000.': 4_096,
    'The maximum tokens you requested exceeds the model limit of 4096.': 4_096,
    'max_output_tokens must be between 1 and 65,536': 65_536,
    'max_tokens 不能超过 8192': 8_192,
    "'max_tokens' or 'max_completion_tokens' is too large: 100000. This model's maximum context length is 8192 tokens and your request has 4000 input tokens.": 4_192,
    "This model's maximum context length is 8192 tokens. However, you requested 101000 tokens (1000 in the messages, 100000 in the completion).": 7_192,
    "This model's maximum context length is 262144 tokens. However, you requested 100000 output tokens and your prompt contains at least 260000 input tokens.": 2_144,
    'input length and max_tokens exceed context limit: 170636 + 100000 > 200000, decrease input length or max_tokens': 29_364,
    'Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4000 `inputs` tokens and 100000 `max_new_tokens`': 96,
  }
  test.each(Object.entries(LIMITS))('from the refusal %s: %i', (message, outputTokensMax) => {
    expect(learn(message)).toMatchObject({ capabilities: { outputTokensMax } })
  })

  test('only for one call, without its value, if the refusal does not tell it', () => {
    expect(learn('max_completion_tokens is too large for this model')).toMatchObject({
      reason: 'this limit',
      capabilities: { tokensField: 'none' },
    })
  })

  test.each([
    "This model's maximum context length is 8192 tokens. However, you requested 109000 tokens (9000 in the messages, 100000 in the completion).",
    "This model's maximum context length is 10 tokens; reduce max_tokens.",
    'prompt is too long: 210000 tokens > 200000 maximum',
  ])('never from a prompt that is too long: %s', (message) => {
    expect(learn(message)).toBeUndefined()
  })

  test('once, so that a task with a large budget completes with the second request', async () => {
    await using server = await endpoint((request, response) =>
      Number(request['max_completion_tokens'] ?? 0) > 4_096
        ? refuse(
            response,
            400,
            'max_completion_tokens is too large: this model supports at most 4096 completion tokens',
          )
        : sendEvents(response, GOOD),
    )
    const provider = providerAt(server.url)
    const { ending } = await runTask([provider], { budget: { tokens: 900_000 } })
    expect(ending).toMatchObject({ kind: 'completed' })
    expect(server.seen.map((request) => request['max_completion_tokens'])).toEqual([
      expect.any(Number),
      4_096,
    ])
  })
})
