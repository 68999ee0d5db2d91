import { describe, expect, test } from 'vitest'
import { validatePlan, PLAN_LIMITS } from '@agentfleet/domain'
import { callsInText } from '../../src/provider/answer/calls-in-text.ts'
import { failureOfError, readRefusal } from '../../src/provider/errors.ts'
import { rateHintsOf, retryAfterIn } from '../../src/provider/http/headers.ts'
import { FULL_CAPABILITIES } from '../../src/provider/request/capabilities.ts'
import { learnRefusal } from '../../src/provider/request/refusal.ts'
import { plainText, withoutValues } from '../../src/provider/safe-message.ts'
import { parseJson } from '../../src/provider/shape.ts'
import { withoutSecrets } from '../../src/secrets/secret-texts.ts'
import { delta, DONE, event, read, toolPiece } from './answers.ts'
import { growthOf, LINEAR } from './growth.ts'

/**
 * Texts of providers and models that repeat one thing, at a length and at four times the length: the thread of a
 * worker runs hundreds of tasks, and a reader whose time is quadratic stops all of them for minutes.
 */

/** Characters of the shorter text: at four times of it a quadratic reader takes some hundred milliseconds. */
const LENGTH = 8_000
/** Pieces of the shorter answer that comes in pieces. */
const PIECES = 3_000
const LIMIT = 20_000_000

const UNITS = [
  ' ',
  '\n',
  '\t',
  '\u2028',
  '{',
  '}',
  '[',
  ']',
  '<',
  '>',
  '"',
  "'",
  '\\',
  '0',
  '1,',
  'a',
  '.',
  ',',
  ':',
  '`',
  '{}',
  '{} ',
  '}{',
  '"a',
  '":',
  '""',
  '[]',
  '\\"',
  '{"a":',
  'data:',
  'data: ',
  'data = ',
  'error ',
  '[error] : ',
  '<parameter=',
  '<parameter=a>',
  '<parameter name="',
  '<function=',
  '<function=calculate>',
  '<invoke name="',
  '<tool_call>',
  '<tool_call>calculate<arg_key>',
  '<arg_key>a</arg_key>',
  '<|',
  '｜DSML｜',
  '[TOOL_CALLS]',
  'functools[',
  'calculate(',
  'calculate() ',
  'calculate(a="',
  'calculate(a={',
  'a=1,',
  '<think>',
  '</think>',
  '<think></think>',
  '[done]',
  '//a:',
  'eyJ.',
  'token="',
  'sk-',
  'retry after 1s',
  'wait 1s,',
  '1s ',
  'prompt ',
  'tool ',
  'schema ',
  'input=',
  'ping',
]

const END = `${delta({}, 'stop')}${DONE}`
const OFFERED = { names: ['calculate'], isText: () => false, json: false }

const readBody = (body: string): void => void read([body], { eventCharactersMax: LIMIT })
const readCall = (name: string, args: string): void =>
  readBody(`${toolPiece({ index: 0, id: 'a', function: { name, arguments: args } })}${END}`)
const learn = (message: string, more: object = {}): void => {
  const error = readRefusal(400, JSON.stringify({ error: { message, ...more } }))
  failureOfError(error, 'the-key-of-the-provider')
  learnRefusal(FULL_CAPABILITIES, error, {
    names: ['tools', 'stream', 'stream_options'],
    hasToolCalls: true,
    contents: [message.slice(0, 1_000)],
    outputTokensMax: 1_000,
  } as never)
}

const READERS: readonly (readonly [string, (text: string) => void])[] = [
  ['as the body', (text) => readBody(text)],
  ['as a line', (text) => readBody(`data: ${text}\n\n${END}`)],
  ['as a line of an event with others', (text) => readBody(`data: ${text}x\ndata: y\n\n${END}`)],
  ['behind the word error', (text) => readBody(`data: error${text}x\ndata: y\n\n${END}`)],
  [
    'as a line without a field',
    (text) => readBody(`data ${text}x\u2028y\n\nerror ${text}\u2028x\n\n${END}`),
  ],
  ['before the mark of the end', (text) => readBody(`data: {${text}x]\n\n${END}`)],
  ['as the text', (text) => readBody(`${delta({ content: `${text}x` })}${END}`)],
  ['as the thoughts', (text) => readBody(`${delta({ reasoning_content: text })}${END}`)],
  ['as the finish reason', (text) => readBody(`${delta({ content: 'x' }, text)}${DONE}`)],
  ['as the error', (text) => readBody(event({ error: { message: text, code: text, type: text } }))],
  ['as the name of a call', (text) => readCall(`calculate${text}`, '{}')],
  ['as the arguments of a call', (text) => readCall('calculate', text)],
  ['behind the arguments of a call', (text) => readCall('calculate', `{"expression":"1"}${text}x`)],
  ['before the arguments of a call', (text) => readCall('calculate', `${text}{"expression":"1"}`)],
  ...['', '<function=calculate>', '<tool_call>', '[', '```json\n', '[calculate(a=1)'].map(
    (start) =>
      [
        `in a text with calls behind ${JSON.stringify(start)}`,
        (text: string) => {
          const most = text.slice(0, 190_000)
          callsInText(start + most, OFFERED, 'seed')
          callsInText(`${start}${most}]`, OFFERED, 'seed')
        },
      ] as const,
  ),
  ['as the message of a refusal', (text) => learn(text)],
  [
    'as the code of a refusal',
    (text) => learn('bad request', { code: `a${text}`, param: text, type: text }),
  ],
  ['as the page of a refusal', (text) => void readRefusal(502, text)],
  ['as JSON', (text) => void parseJson(`${text}x`)],
  ['as a text with secrets', (text) => void withoutSecrets(plainText(text) + text, ['the-key'])],
  ['as a text with repeated values', (text) => void withoutValues(text)],
  // A header of Node has at most 16 KiB.
  [
    'as headers',
    (text) => {
      for (const name of [
        'retry-after',
        'x-ratelimit-limit-requests',
        'ratelimit',
        'ratelimit-policy',
      ]) {
        const headers = new Map([[name, text.slice(0, 16_384)]])
        rateHintsOf(headers)
        retryAfterIn(headers, 0)
      }
    },
  ],
  [
    'as a plan',
    (text) => {
      const step = { id: 'a', role: text, task: 'x', dependsOn: [text] }
      validatePlan({ summary: text, steps: [step, step] }, PLAN_LIMITS, ['researcher'])
    },
  ],
]

describe('the time for a text that repeats one thing is at most linear', () => {
  test.each(READERS)('%s', { timeout: 120_000 }, (_title, reads) => {
    const grown = UNITS.map((unit) => [
      unit,
      growthOf((length) => reads(unit.repeat(length / unit.length)), LENGTH),
    ])
    expect(grown).toEqual(UNITS.map((unit) => [unit, LINEAR]))
  })
})

const pieces = (count: number, piece: (at: number) => unknown): unknown[] =>
  Array.from({ length: count }, (_, at) => piece(at))
const chunk = (message: object): string => delta(message)
const call = (piece: object): string => toolPiece({ index: 0, ...piece })
const COMPLETE = call({ id: 'a', function: { name: 'a', arguments: '{"a":1}' } })

/** Answers in many pieces; the number is that of the pieces. */
const IN_PIECES: readonly (readonly [string, (count: number) => string])[] = [
  ['blanks', (count) => chunk({ content: ' ' }).repeat(count)],
  [
    'thoughts and blanks',
    (count) => chunk({ content: '<think>a</think>' }) + chunk({ content: ' \n' }).repeat(count),
  ],
  [
    'a text that grows and then does not',
    (count) => {
      const first = 'ab'.repeat(20 * count)
      return (
        [first, `${first}c`, `${first}cd`].map((content) => chunk({ content })).join('') +
        chunk({ content: 'a' }).repeat(count)
      )
    },
  ],
  [
    'one name again and again in one event',
    (count) =>
      delta({ tool_calls: pieces(10 * count, () => ({ index: 0, function: { name: 'a' } })) }),
  ],
  [
    'other names and ids in one event',
    (count) =>
      delta({
        tool_calls: pieces(2 * count, (at) => ({
          index: 0,
          ...(at < count ? {} : { id: `${at}` }),
          function: { name: `b${Math.min(at, count)}` },
        })),
      }),
  ],
  [
    'many calls in one event',
    (count) =>
      delta({
        tool_calls: pieces(10 * count, (at) => ({
          index: at,
          function: { name: 'a', arguments: 'x' },
        })),
      }),
  ],
  [
    'open arguments under another index',
    (count) =>
      call({ id: 'a', function: { name: 'a', arguments: `{"a":"${'x'.repeat(10 * count)}` } }) +
      toolPiece({ index: 1, function: { arguments: '}' } }).repeat(count),
  ],
  [
    'complete arguments and the name again',
    (count) =>
      call({ id: 'a', function: { name: 'a', arguments: `{"a":"${'x'.repeat(10 * count)}"}` } }) +
      call({ function: { name: 'a' } }).repeat(count),
  ],
  [
    'arguments as objects',
    (count) =>
      pieces(count, (at) => call({ function: { name: 'a', arguments: { [`f${at}`]: at } } })).join(
        '',
      ),
  ],
  [
    'signatures with other fields',
    (count) =>
      pieces(count, (at) =>
        call({ function: { name: 'a' }, extra_content: { [`f${at}`]: at } }),
      ).join(''),
  ],
  [
    'signatures of the message with other fields',
    (count) => pieces(count, (at) => chunk({ extra_content: { [`f${at}`]: at } })).join(''),
  ],
  [
    'details of the thoughts',
    (count) => chunk({ reasoning_details: [{ text: 'a' }] }).repeat(count),
  ],
  [
    'blocks of thoughts',
    (count) => chunk({ thinking_blocks: [{ type: 'thinking', thinking: 'a' }] }).repeat(count),
  ],
  [
    'blocks of thoughts that end',
    (count) =>
      chunk({ thinking_blocks: [{ type: 'thinking', thinking: 'a', signature: 'b' }] }).repeat(
        count,
      ),
  ],
  [
    'finish reasons behind a long one',
    (count) => delta({ content: 'a' }, 'x'.repeat(20 * count)) + delta({}, 'y').repeat(count),
  ],
  [
    'repeated messages',
    (count) =>
      chunk({ content: 'a'.repeat(20 * count) }) +
      event({ choices: [{ index: 0, message: { content: 'b' } }] }).repeat(count),
  ],
  ['complete calls', (count) => COMPLETE.repeat(count)],
  [
    'other choices',
    (count) => event({ choices: [{ index: 1, delta: { content: 'a' } }] }).repeat(count),
  ],
  ['refusals', (count) => chunk({ refusal: 'a' }).repeat(count)],
  ['lines without a field', (count) => `${chunk({ content: 'a' })}${'"x"\n'.repeat(count)}`],
]

test.each(IN_PIECES)(
  'the time for many pieces is at most linear: %s',
  { timeout: 120_000 },
  (_title, body) => {
    expect(growthOf((count) => readBody(`${body(count)}${END}`), PIECES)).toBe(LINEAR)
  },
)
