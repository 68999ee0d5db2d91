import { describe, expect, test } from 'vitest'
import { delta, DONE, read, toolTurn } from './answers.ts'
import { casesOf } from './cases.ts'

/** The forms of names, arguments, ids and pieces of tool calls; a new one is one row. */

const EXPR = '{"expression":"6*7"}'
const EXPR2 = '{"expression":"10+5"}'
const NONE = undefined

/** A piece of a call, without what is undefined. */
const piece = (index: unknown, id: unknown, name?: unknown, args?: unknown) =>
  JSON.parse(JSON.stringify({ index, id, function: { name, arguments: args } })) as object
const calc = (index: unknown, id: unknown, args: unknown) => piece(index, id, 'calculate', args)
/** A piece that continues the arguments of a call. */
const more = (index: unknown, args: unknown) => piece(index, NONE, NONE, args)

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

const ARGUMENTS = {
  [EXPR]: {
    'null before them': [null, EXPR],
    'the word null before them': ['null', EXPR],
    'an empty object before them': ['{}', EXPR],
    'an empty object before their pieces': ['{}', '{"expres', 'sion":"6*7"}'],
    'an empty object behind them': [EXPR, '{}'],
    'pieces that grow': ['{"expres', '{"expression":"6*', EXPR],
    'JSON that is encoded three times': [JSON.stringify(JSON.stringify(EXPR))],
    'JSON that is encoded twice, in pieces': ['"{\\"expression\\"', ':\\"6*7\\"}"'],
    'a fence': [`\`\`\`json\n${EXPR}\n\`\`\``],
    'the same object twice': [`${EXPR}${EXPR}`],
    'a mark of the model behind them': [`${EXPR}<|im_end|>`],
    'a whole call': ['{"name":"calculate","arguments":{"expression":"6*7"}}'],
    'a whole call with parameters': [`{"name":"functions.calculate","parameters":${EXPR}}`],
    'a comma behind the last field': ['{"expression":"6*7",}'],
    'a bracket too many': [`${EXPR}}`],
    'objects that grow': ['{"expression":"6"}{"expression":"6*7"}'],
  },
  '{"name":"calculate","expression":"6*7"}': {
    'another object with a name, kept': ['{"name":"calculate","expression":"6*7"}'],
  },
  '{"name":"get_time","arguments":{}}': {
    'a whole call of another tool, kept': ['{"name":"get_time","arguments":{}}'],
  },
  '{"expression":"6\\n*7"}': { 'a line end within a string': ['{"expression":"6\n*7"}'] },
  '': { 'the word undefined': ['undefined'], 'the word None': ['None'], nothing: [NONE] },
  '{"expression":"6*7","exact":true}': {
    'the literals of Python': ["{'expression': '6*7', 'exact': True}"],
  },
  '{"expression":{"a":1}': {
    'an object that was cut, kept for the model': ['{"expression":{"a":1}'],
  },
}
test.each(casesOf<string, unknown[]>(ARGUMENTS))(
  'the arguments of a tool call are read from %s',
  (_title, args, expected) => {
    const pieces = args.map((text, at) =>
      at === 0 ? piece(0, 'a', 'calculate', text) : more(0, text),
    )
    expect(callsOf(toolTurn(...pieces))).toEqual([['calculate', expected]])
  },
)

describe('the pieces of tool calls', () => {
  const ONE = ['calculate', EXPR]
  const EXPECTED = {
    ONE: [ONE],
    TWO: [ONE, ['calculate', EXPR2]],
    MIXED: [['get_time', ''], ONE],
    'ONE and another tool': [ONE, ['get_time', '{}']],
    'another tool': [['get_time', '']],
  }
  const PIECES = {
    ONE: {
      'from pieces': [calc(0, 'a', ''), more(0, '{"expres'), more(0, 'sion":"6*7"}')],
      'without an index': [calc(NONE, 'a', EXPR)],
      'pieces without an index': [
        calc(NONE, 'a', ''),
        more(NONE, '{"expres'),
        more(NONE, 'sion":"6*7"}'),
      ],
      'with indices from one': [calc(1, 'a', '{"expres'), more(1, 'sion":"6*7"}')],
      'with the name in each piece': [
        calc(0, 'a', ''),
        calc(0, 'a', '{"expres'),
        calc(0, 'a', 'sion":"6*7"}'),
      ],
      'with a name in two pieces': [piece(0, 'a', 'calc', ''), piece(0, NONE, 'ulate', EXPR)],
      'with a name that grows': [piece(0, 'a', 'calc', ''), calc(0, NONE, EXPR)],
      'with a new id in each piece': [calc(0, 'a', '{"expres'), piece(0, 'b', '', 'sion":"6*7"}')],
      'with a prefix to the name': [piece(0, 'a', 'functions.calculate', EXPR)],
      'with arguments as an object': [calc(0, 'a', { expression: '6*7' })],
      'with all arguments repeated at the end': [
        calc(0, 'a', '{"expres'),
        more(0, 'sion":"6*7"}'),
        more(0, EXPR),
      ],
      'with an index as text in some pieces': [calc('0', 'a', '{"expres'), more(0, 'sion":"6*7"}')],
      'with a name that comes late': [piece(0, 'a', null, ''), calc(0, NONE, EXPR)],
      'with arguments as objects in pieces': [calc(0, 'a', {}), more(0, { expression: '6*7' })],
      'with arguments written as JSON twice': [calc(0, 'a', JSON.stringify(EXPR))],
      'with arguments under the name parameters': [
        { index: 0, id: 'a', function: { name: 'calculate', parameters: { expression: '6*7' } } },
      ],
      'with a piece that has a signature alone': [
        calc(0, 'a', EXPR),
        { extra_content: { google: { thought_signature: 's' } } },
      ],
      'with null in place of pieces': [calc(0, 'a', null), piece(0, null, null, EXPR)],
      'with an id of null': [calc(0, null, EXPR)],
      'with an empty id': [calc(0, '', EXPR)],
      'with an id of other characters': [calc(0, 'call 1 ü', EXPR)],
      'with a long id': [piece(0, 'x'.repeat(500), 'calculate', EXPR)],
      'with an id that comes late': [calc(0, NONE, EXPR), piece(0, 'z')],
      'with an index that shifts within the arguments': [
        calc(1, 'a', '{"expres'),
        more(0, 'sion":"6*7"}'),
      ],
      'with a negative index': [calc(-1, 'a', '{"expres'), more(-1, 'sion":"6*7"}')],
      'with an index in the first one only': [calc(0, 'a', ''), more(NONE, EXPR)],
      'with an index that comes late': [calc(NONE, 'a', ''), more(0, EXPR)],
      'that come twice as a whole': [calc(0, 'a', EXPR), calc(0, 'a', EXPR)],
      'in front of an empty one with another index': [calc(0, 'a', EXPR), piece(1, NONE, '', '')],
      'in front of an id without a name': [calc(0, 'a', EXPR), piece(1, 'b', NONE, '')],
      'of a custom tool': [
        { index: 0, id: 'a', type: 'custom', custom: { name: 'calculate', input: EXPR } },
      ],
      'with a function that is a text': [
        { index: 0, id: 'a', function: JSON.stringify({ name: 'calculate', arguments: EXPR }) },
      ],
      'without a function around name and arguments': [
        { index: 0, id: 'a', name: 'calculate', arguments: EXPR },
      ],
    },
    TWO: {
      'two of them': [calc(0, 'a', EXPR), calc(1, 'b', EXPR2)],
      'two without an index': [calc(NONE, 'a', EXPR), calc(NONE, 'b', EXPR2)],
      'two without an index or an id': [calc(NONE, NONE, EXPR), calc(NONE, NONE, EXPR2)],
      'two under one index': [calc(0, 'a', EXPR), calc(0, 'b', EXPR2)],
      'two under one id': [calc(0, 'a', EXPR), calc(1, 'a', EXPR2)],
      'pieces that alternate': [
        calc(0, 'a', '{"expres'),
        calc(1, 'b', EXPR2),
        more(0, 'sion":"6*7"}'),
      ],
      'two with ids that are numbers': [calc(NONE, 1, EXPR), calc(NONE, 2, EXPR2)],
      'with gaps in the index': [calc(0, 'a', EXPR), calc(5, 'b', EXPR2)],
      'with an index of null': [calc(null, 'a', EXPR), calc(null, 'b', EXPR2)],
      'with an index that comes late in each of two calls': [
        calc(NONE, 'a', ''),
        more(0, EXPR),
        calc(NONE, 'b', ''),
        more(1, EXPR2),
      ],
      'with other arguments and the same index, without ids': [
        calc(0, NONE, EXPR),
        calc(0, NONE, EXPR2),
      ],
    },
    MIXED: {
      'with another name and id and the same index': [
        piece(0, 'a', 'get_time', ''),
        calc(0, 'b', EXPR),
      ],
    },
    'ONE and another tool': {
      'with another name, the same index and the same id': [
        calc(0, 'a', EXPR),
        piece(0, 'a', 'get_time', '{}'),
      ],
    },
    'another tool': { 'with arguments of null': [piece(0, 'a', 'get_time', 'null')] },
  }
  test.each(casesOf(PIECES))('are joined to the right calls %s', (_title, pieces, expected) => {
    expect(callsOf(toolTurn(...pieces))).toEqual(EXPECTED[expected])
  })

  const end = `${delta({}, 'tool_calls')}${DONE}`
  const call = { id: 'a', function: { name: 'calculate', arguments: EXPR } }
  const inText = JSON.stringify({ name: 'calculate', arguments: { expression: '6*7' } })
  const MESSAGES = {
    MIXED: {
      'of two calls in one list without index and id': {
        tool_calls: [piece(NONE, NONE, 'get_time', ''), calc(NONE, NONE, EXPR)],
      },
    },
    ONE: {
      'in a list that is a text': { tool_calls: JSON.stringify([call]) },
      'under another name': { toolCalls: [call] },
      'in the singular': { tool_call: call },
      'as a part of the content': {
        content: [{ type: 'tool_use', id: 'a', name: 'calculate', input: { expression: '6*7' } }],
      },
      'in the older form next to null': { tool_calls: null, function_call: call.function },
      'written as text between marks': { content: `<tool_call>\n${inText}\n</tool_call>` },
      'written as text behind a mark': { content: `[TOOL_CALLS][${inText}]` },
      'written as text with parameters': {
        content: `<|python_tag|>${inText.replace('arguments', 'parameters')}`,
      },
    },
  }
  test.each(casesOf<keyof typeof MESSAGES, object>(MESSAGES))(
    'are joined to the right calls %s',
    (_title, message, expected) => {
      expect(callsOf(`${delta(message)}${end}`)).toEqual(EXPECTED[expected])
    },
  )

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
