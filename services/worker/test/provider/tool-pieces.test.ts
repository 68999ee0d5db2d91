import { describe, expect, test } from 'vitest'
import { delta, DONE, read, toolTurn } from './answers.ts'

/** The forms of names, arguments, ids and pieces of tool calls; a new one is one row. */

const EXPR = '{"expression":"6*7"}'
const EXPR2 = '{"expression":"10+5"}'
const NONE = undefined

/** A piece of a call, without what is undefined. */
const piece = (index: unknown, id: unknown, name?: unknown, args?: unknown) =>
  JSON.parse(JSON.stringify({ index, id, function: { name, arguments: args } })) as object

function callsOf(body: string) {
  const { answer } = read([body])
  if (answer.kind !== 'answered') throw new Error(JSON.stringify(answer))
  const { toolCalls } = answer.answer
  expect(new Set(toolCalls.map(({ id }) => id)).size).toBe(toolCalls.length)
  for (const { id } of toolCalls) expect(id).toMatch(/^[\w.:-]{1,128}$/)
  return toolCalls.map(({ name, arguments: args }) => [name, args])
}

test.each([
  ' calculate\n',
  'functions:calculate',
  'tools/calculate',
  'default_api.calculate',
  'functions.calculate:0',
  'calculate:12',
  'calculate()',
  '"calculate"',
  'Calculate',
  'functions__calculate',
  'mcp__math__calculate',
  'calculate<|channel|>commentary',
])('a called tool is found although the model writes its name as %j', (name) => {
  expect(callsOf(toolTurn(piece(0, 'a', name, EXPR)))).toEqual([['calculate', EXPR]])
})

test.each(['get-time', 'getTime', 'GET_TIME', 'get time'])(
  'a called tool is found although the model spells its name %j',
  (name) => {
    expect(callsOf(toolTurn(piece(0, 'a', name, '{}')))).toEqual([['get_time', '{}']])
  },
)

test.each<[string, unknown[], string]>([
  ['null before them', [null, EXPR], EXPR],
  ['the word null before them', ['null', EXPR], EXPR],
  ['an empty object before them', ['{}', EXPR], EXPR],
  ['an empty object before their pieces', ['{}', '{"expres', 'sion":"6*7"}'], EXPR],
  ['an empty object behind them', [EXPR, '{}'], EXPR],
  ['pieces that grow', ['{"expres', '{"expression":"6*', EXPR], EXPR],
  ['JSON that is encoded three times', [JSON.stringify(JSON.stringify(EXPR))], EXPR],
  ['JSON that is encoded twice, in pieces', ['"{\\"expression\\"', ':\\"6*7\\"}"'], EXPR],
  ['a fence', [`\`\`\`json\n${EXPR}\n\`\`\``], EXPR],
  ['the same object twice', [`${EXPR}${EXPR}`], EXPR],
  ['a mark of the model behind them', [`${EXPR}<|im_end|>`], EXPR],
  ['a whole call', ['{"name":"calculate","arguments":{"expression":"6*7"}}'], EXPR],
  ['a whole call with parameters', [`{"name":"functions.calculate","parameters":${EXPR}}`], EXPR],
  [
    'another object with a name, kept',
    ['{"name":"calculate","expression":"6*7"}'],
    '{"name":"calculate","expression":"6*7"}',
  ],
  [
    'a whole call of another tool, kept',
    ['{"name":"get_time","arguments":{}}'],
    '{"name":"get_time","arguments":{}}',
  ],
  ['a comma behind the last field', ['{"expression":"6*7",}'], EXPR],
  ['a bracket too many', [`${EXPR}}`], EXPR],
  ['a line end within a string', ['{"expression":"6\n*7"}'], '{"expression":"6\\n*7"}'],
  ['the word undefined', ['undefined'], ''],
  ['the word None', ['None'], ''],
  ['nothing', [NONE], ''],
  [
    'the literals of Python',
    ["{'expression': '6*7', 'exact': True}"],
    '{"expression":"6*7","exact":true}',
  ],
  ['objects that grow', ['{"expression":"6"}{"expression":"6*7"}'], EXPR],
  [
    'an object that was cut, kept for the model',
    ['{"expression":{"a":1}'],
    '{"expression":{"a":1}',
  ],
])('the arguments of a tool call are read from %s', (_title, args, expected) => {
  const pieces = args.map((text, at) =>
    at === 0 ? piece(0, 'a', 'calculate', text) : piece(0, NONE, NONE, text),
  )
  expect(callsOf(toolTurn(...pieces))).toEqual([['calculate', expected]])
})

describe('the pieces of tool calls', () => {
  const ONE = [['calculate', EXPR]]
  const TWO = [...ONE, ['calculate', EXPR2]]
  const MIXED = [['get_time', ''], ...ONE]
  test.each<[string, object[], unknown]>([
    ['with an id of null', [piece(0, null, 'calculate', EXPR)], ONE],
    ['with an empty id', [piece(0, '', 'calculate', EXPR)], ONE],
    ['with an id of other characters', [piece(0, 'call 1 ü', 'calculate', EXPR)], ONE],
    ['with a long id', [piece(0, 'x'.repeat(500), 'calculate', EXPR)], ONE],
    ['with an id that comes late', [piece(0, NONE, 'calculate', EXPR), piece(0, 'z')], ONE],
    [
      'with an index that shifts within the arguments',
      [piece(1, 'a', 'calculate', '{"expres'), piece(0, NONE, NONE, 'sion":"6*7"}')],
      ONE,
    ],
    [
      'with gaps in the index',
      [piece(0, 'a', 'calculate', EXPR), piece(5, 'b', 'calculate', EXPR2)],
      TWO,
    ],
    [
      'with an index of null',
      [piece(null, 'a', 'calculate', EXPR), piece(null, 'b', 'calculate', EXPR2)],
      TWO,
    ],
    [
      'with a negative index',
      [piece(-1, 'a', 'calculate', '{"expres'), piece(-1, NONE, NONE, 'sion":"6*7"}')],
      ONE,
    ],
    [
      'with an index in the first one only',
      [piece(0, 'a', 'calculate', ''), piece(NONE, NONE, NONE, EXPR)],
      ONE,
    ],
    [
      'with an index that comes late',
      [piece(NONE, 'a', 'calculate', ''), piece(0, NONE, NONE, EXPR)],
      ONE,
    ],
    [
      'with an index that comes late in each of two calls',
      [
        piece(NONE, 'a', 'calculate', ''),
        piece(0, NONE, NONE, EXPR),
        piece(NONE, 'b', 'calculate', ''),
        piece(1, NONE, NONE, EXPR2),
      ],
      TWO,
    ],
    [
      'with other arguments and the same index, without ids',
      [piece(0, NONE, 'calculate', EXPR), piece(0, NONE, 'calculate', EXPR2)],
      TWO,
    ],
    [
      'with another name, the same index and the same id',
      [piece(0, 'a', 'calculate', EXPR), piece(0, 'a', 'get_time', '{}')],
      [...ONE, ['get_time', '{}']],
    ],
    [
      'with another name and id and the same index',
      [piece(0, 'a', 'get_time', ''), piece(0, 'b', 'calculate', EXPR)],
      MIXED,
    ],
    [
      'that come twice as a whole',
      [piece(0, 'a', 'calculate', EXPR), piece(0, 'a', 'calculate', EXPR)],
      ONE,
    ],
    [
      'in front of an empty one with another index',
      [piece(0, 'a', 'calculate', EXPR), piece(1, NONE, '', '')],
      ONE,
    ],
    [
      'in front of an id without a name',
      [piece(0, 'a', 'calculate', EXPR), piece(1, 'b', NONE, '')],
      ONE,
    ],
    [
      'of a custom tool',
      [{ index: 0, id: 'a', type: 'custom', custom: { name: 'calculate', input: EXPR } }],
      ONE,
    ],
    [
      'with a function that is a text',
      [{ index: 0, id: 'a', function: JSON.stringify({ name: 'calculate', arguments: EXPR }) }],
      ONE,
    ],
    [
      'without a function around name and arguments',
      [{ index: 0, id: 'a', name: 'calculate', arguments: EXPR }],
      ONE,
    ],
  ])('are joined to the right calls %s', (_title, pieces, expected) => {
    expect(callsOf(toolTurn(...pieces))).toEqual(expected)
  })

  const end = `${delta({}, 'tool_calls')}${DONE}`
  const call = { id: 'a', function: { name: 'calculate', arguments: EXPR } }
  const inText = JSON.stringify({ name: 'calculate', arguments: { expression: '6*7' } })
  test.each<[string, object, unknown]>([
    [
      'of two calls in one list without index and id',
      { tool_calls: [piece(NONE, NONE, 'get_time', ''), piece(NONE, NONE, 'calculate', EXPR)] },
      MIXED,
    ],
    ['in a list that is a text', { tool_calls: JSON.stringify([call]) }, ONE],
    ['under another name', { toolCalls: [call] }, ONE],
    ['in the singular', { tool_call: call }, ONE],
    [
      'as a part of the content',
      { content: [{ type: 'tool_use', id: 'a', name: 'calculate', input: { expression: '6*7' } }] },
      ONE,
    ],
    ['in the older form next to null', { tool_calls: null, function_call: call.function }, ONE],
    ['written as text between marks', { content: `<tool_call>\n${inText}\n</tool_call>` }, ONE],
    ['written as text behind a mark', { content: `[TOOL_CALLS][${inText}]` }, ONE],
    [
      'written as text with parameters',
      { content: `<|python_tag|>${inText.replace('arguments', 'parameters')}` },
      ONE,
    ],
  ])('are joined to the right calls %s', (_title, message, expected) => {
    expect(callsOf(`${delta(message)}${end}`)).toEqual(expected)
  })

  test.each([
    [
      'of a tool that is not offered',
      `<tool_call>${inText.replace('calculate', 'other')}</tool_call>`,
    ],
    ['next to other text', `Write <tool_call>${inText}</tool_call>.`],
    ['in front of other text', `<tool_call>${inText}</tool_call> calls it.`],
    ['that are cut', `<tool_call>${inText.slice(0, -2)}`],
  ])('stay text when the text contains marked calls %s', (_title, content) => {
    expect(callsOf(`${delta({ content })}${delta({}, 'stop')}${DONE}`)).toEqual([])
  })
})

test('a tool call is found if the model writes the whole call into the name of the tool', () => {
  const name = JSON.stringify({ name: 'calculate', arguments: { expression: '6*7' } })
  expect(callsOf(toolTurn(piece(0, 'a', name, '')))).toEqual([['calculate', EXPR]])
})
