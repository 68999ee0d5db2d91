import { describe, expect, test } from 'vitest'
import { delta, DONE, event, read, usage, USAGE } from './answers.ts'
import { casesOf } from './cases.ts'

const TEXT = delta({ content: 'The answer is 42.' })
const STOP = delta({}, 'stop')
const choice = (fields: object): string => event({ choices: [{ index: 0, ...fields }] })

describe('the usage of an answer is taken from the provider, or estimated if the provider reports none that is plausible', () => {
  const REPORTS = {
    reported: {
      'as reported': usage(),
      'in the last chunk': event({
        choices: [{ index: 0, delta: {}, finish_reason: 'stop' }],
        usage: USAGE,
      }),
      'cumulative, the last report counts': `${usage({ prompt_tokens: 11, completion_tokens: 3 })}${usage()}`,
      "under Groq's name": event({ choices: [], x_groq: { usage: USAGE } }),
      "under Anthropic's names": usage({ input_tokens: 11, output_tokens: 7 }),
      'as text': usage({ prompt_tokens: '11', completion_tokens: '7' }),
      'as fractions': usage({ prompt_tokens: 10.2, completion_tokens: 6.7 }),
      'without the answer, but with the total': usage({ prompt_tokens: 11, total_tokens: 18 }),
      'as JSON in a text': event({ choices: [], usage: JSON.stringify(USAGE) }),
      'as the timings of llama.cpp': event({
        choices: [],
        timings: { prompt_n: 11, predicted_n: 7, predicted_ms: 3.5 },
      }),
      'as the units of a bill': usage({ billed_units: { input_tokens: 11, output_tokens: 7 } }),
      'as a list': event({ choices: [], usage: [USAGE] }),
      "under Ollama's names": usage({ prompt_eval_count: 11, eval_count: 7 }),
      'in a delta': choice({ delta: { usage: USAGE } }),
      'in a message': choice({ message: { usage: USAGE } }),
      'within itself': usage({ usage: USAGE }),
      'in an envelope': event({ choices: [], response: { usage: USAGE } }),
      'null and then real': `${event({ choices: [], usage: null })}${usage()}`,
      'real and then zero': `${usage()}${usage({ prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 })}`,
      'real and then without the prompt': `${usage()}${usage({ completion_tokens: 7 })}`,
      "within a choice, as Moonshot's": event({ choices: [{ index: 0, delta: {}, usage: USAGE }] }),
      "under Gemini's names": event({
        choices: [],
        usageMetadata: { promptTokenCount: 11, candidatesTokenCount: 7 },
      }),
      "under Bedrock's names": usage({ inputTokens: 11, outputTokens: 7, totalTokens: 18 }),
    },
    estimated: {
      'with the names of prototypes': event(
        JSON.parse('{"usage":{"__proto__":{"prompt_tokens":99,"completion_tokens":99}}}'),
      ),
      true: usage({ prompt_tokens: true, completion_tokens: [7] }),
      missing: '',
      null: event({ choices: [], usage: null }),
      zero: usage({ prompt_tokens: 0, completion_tokens: 0 }),
      'huge numbers': usage({ prompt_tokens: 1e18, completion_tokens: 1e18 }),
      'negative numbers': usage({ prompt_tokens: -5, completion_tokens: -7 }),
      'no numbers': usage({ prompt_tokens: 'many', completion_tokens: {} }),
    },
  }
  const EXPECTED = {
    reported: { inputTokens: 11, outputTokens: 7 },
    estimated: { inputTokens: 10, outputTokens: 5 },
  }
  test.each<[string, string, object]>([
    ...casesOf(REPORTS).map(([title, report, by]): [string, string, object] => [
      title,
      report,
      EXPECTED[by],
    ]),
    [
      'without the answer',
      usage({ prompt_tokens: 11, total_tokens: 11 }),
      { inputTokens: 11, outputTokens: 5 },
    ],
    [
      "with the cached part of the prompt counted apart, as Anthropic's total shows",
      usage({ ...USAGE, total_tokens: 5_018, cache_read_input_tokens: 5_000 }),
      { inputTokens: 5_011, outputTokens: 7, cachedTokens: 5_000 },
    ],
    [
      "with the cached parts of the prompt counted apart, under Anthropic's names",
      usage({
        input_tokens: 11,
        output_tokens: 7,
        cache_read_input_tokens: 5,
        cache_creation_input_tokens: 100,
      }),
      { inputTokens: 116, outputTokens: 7, cachedTokens: 5 },
    ],
    [
      'with the cached part of the prompt counted in both ways',
      usage({
        prompt_tokens: 5_011,
        completion_tokens: 7,
        total_tokens: 5_018,
        prompt_tokens_details: { cached_tokens: 5_000 },
        cache_read_input_tokens: 5_000,
      }),
      { inputTokens: 5_011, outputTokens: 7, cachedTokens: 5_000 },
    ],
    [
      'with more reasoning than output',
      usage({
        prompt_tokens: 11,
        completion_tokens: 7,
        completion_tokens_details: { reasoning_tokens: 900 },
      }),
      { inputTokens: 11, outputTokens: 907, reasoningTokens: 900 },
    ],
    [
      'with its reasoning next to it',
      usage({ ...USAGE, reasoning_tokens: 3, completion_tokens_details: null }),
      { inputTokens: 11, outputTokens: 7, reasoningTokens: 3 },
    ],
    [
      'with separators of thousands',
      usage({ prompt_tokens: '1,100', completion_tokens: '7' }),
      { inputTokens: 1_100, outputTokens: 7 },
    ],
    [
      'with reasoning in the total alone',
      usage({ prompt_tokens: 11, completion_tokens: 7, total_tokens: 118 }),
      { inputTokens: 11, outputTokens: 107 },
    ],
    [
      'under the names of a separate cache',
      usage({ ...USAGE, prompt_cache_hit_tokens: 8 }),
      { cachedTokens: 8 },
    ],
    [
      'cached and reasoning tokens',
      usage({
        ...USAGE,
        prompt_tokens_details: { cached_tokens: 8 },
        completion_tokens_details: { reasoning_tokens: 3 },
      }),
      { inputTokens: 11, outputTokens: 7, cachedTokens: 8, reasoningTokens: 3 },
    ],
  ])('when the provider reports usage in this form: %s', (_title, report, expected) => {
    expect(read([`${TEXT}${STOP}${report}${DONE}`]).answer).toMatchObject({
      kind: 'answered',
      usage: { llmCalls: 1, ...expected },
    })
  })

  test('when the reported usage covers only the last piece', () => {
    const long = delta({ content: 'word '.repeat(40) })
    const one = usage({ prompt_tokens: 11, completion_tokens: 1 })
    expect(read([`${long}${one}${STOP}${one}${DONE}`]).answer).toMatchObject({
      usage: { inputTokens: 11, outputTokens: 50 },
    })
  })

  test('if each piece reports only itself, all of them count', () => {
    const pieces = ['The', ' answer', ' is', ' 42.'].map((content) =>
      delta({ content }, null, { usage: { prompt_tokens: 11, completion_tokens: 1 } }),
    )
    expect(read([...pieces, STOP, DONE]).answer).toMatchObject({
      usage: { inputTokens: 11, outputTokens: 4 },
    })
  })
})
