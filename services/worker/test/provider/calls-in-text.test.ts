import { describe, expect, test } from 'vitest'
import { callsInText } from '../../src/provider/answer/calls-in-text.ts'
import { delta, DONE, read, toolTurn, usage } from './answers.ts'

/** Calls that endpoints pass on as text or merge into one, as models write them; a new form is one row. */

const EXPR = '{"expression":"6*7"}'
const EXPR2 = '{"expression":"10+5"}'
const CALL = `{"name": "calculate", "arguments": ${EXPR}}`
const END = `${delta({}, 'stop')}${usage()}${DONE}`

function callsOf(body: string) {
  const { answer } = read([body])
  if (answer.kind !== 'answered') throw new Error(JSON.stringify(answer))
  const calls = answer.answer.toolCalls
  expect(new Set(calls.map(({ id }) => id)).size).toBe(calls.length)
  const text = answer.answer.text
  return { text, calls: calls.map(({ name, arguments: args }) => [name, args]) }
}

describe('a tool call is found in the text of an answer', () => {
  const FORMS = {
    Hermes: `<tool_call>\n${CALL}\n</tool_call>`,
    'Hermes, without its end': `<tool_call>\n${CALL}`,
    'Hermes, with a function as a word': CALL.replace('name', 'function').replace(
      /.*/s,
      '<tool_call>$&</tool_call>',
    ),
    'Qwen Coder':
      '<tool_call>\n<function=calculate>\n<parameter=expression>\n6*7\n</parameter>\n</function>\n</tool_call>',
    'Qwen Coder, without a wrapper':
      '<function=calculate>\n<parameter=expression>\n6*7\n</parameter>\n</function>',
    Llama: `<function=calculate>${EXPR}</function>`,
    'Llama, without its end': `<function=calculate>${EXPR}`,
    'Llama, with a tag': `<|python_tag|>${CALL.replace('arguments', 'parameters')}<|eom_id|>`,
    'Llama, without a mark': CALL.replace('arguments', 'parameters'),
    Ollama: `{"type": "function", "function": ${CALL}}`,
    'a list without a mark': `[${CALL}]`,
    'a field with calls': `{"tool_calls":[${CALL}]}`,
    'a fence': `\`\`\`json\n${CALL}\n\`\`\``,
    Mistral: `[TOOL_CALLS] [${CALL}]`,
    'Mistral, newer': `[TOOL_CALLS]calculate[ARGS]${EXPR}`,
    'Mistral, with an id': `[TOOL_CALLS]calculate[CALL_ID]abc123def[ARGS]${EXPR}`,
    DeepSeek: `<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>calculate\n\`\`\`json\n${EXPR}\n\`\`\`<｜tool▁call▁end｜><｜tool▁calls▁end｜>`,
    'DeepSeek, newer': `<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>calculate<｜tool▁sep｜>${EXPR}<｜tool▁call▁end｜><｜tool▁calls▁end｜>`,
    'DeepSeek, with tags':
      '<｜DSML｜function_calls>\n<｜DSML｜invoke name="calculate">\n<｜DSML｜parameter name="expression" string="true">6*7</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>',
    Kimi: `<|tool_calls_section_begin|><|tool_call_begin|>functions.calculate:0<|tool_call_argument_begin|>${EXPR}<|tool_call_end|><|tool_calls_section_end|>`,
    GLM: '<tool_call>calculate\n<arg_key>expression</arg_key>\n<arg_value>6*7</arg_value>\n</tool_call>',
    MiniMax:
      '<minimax:tool_call>\n<invoke name="calculate">\n<parameter name="expression">6*7</parameter>\n</invoke>\n</minimax:tool_call>',
    Anthropic:
      '<function_calls>\n<invoke name="calculate">\n<parameter name="expression">6*7</parameter>\n</invoke>\n</function_calls>',
    'gpt-oss': `<|channel|>commentary to=functions.calculate <|constrain|>json<|message|>${EXPR}<|call|>`,
    InternLM: `<|action_start|><|plugin|>${CALL.replace('arguments', 'parameters')}<|action_end|>`,
    Phi: `<|tool_call|>[${CALL}]<|/tool_call|>`,
    FireFunction: ` functools[${CALL}]`,
    'Command R': `<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "calculate", "parameters": ${EXPR}}]<|END_ACTION|>`,
    'Llama 4': '[calculate(expression="6*7")]',
    Gemma: '```tool_code\ncalculate(expression="6*7")\n```',
    LFM: "<|tool_call_start|>[calculate(expression='6*7')]<|tool_call_end|>",
  }
  test.each(Object.entries(FORMS))('in the form of %s', (_title, content) => {
    expect(callsOf(`${delta({ content })}${END}`)).toEqual({
      text: '',
      calls: [['calculate', EXPR]],
    })
  })

  test('behind thoughts and prose, which stay the text of the answer', () => {
    const content = `<think>hm</think>\nLet me see.\n<tool_call>\n${CALL}\n</tool_call>`
    expect(callsOf(`${delta({ content })}${END}`)).toEqual({
      text: 'Let me see.',
      calls: [['calculate', EXPR]],
    })
  })

  test('next to another call', () => {
    const content = `<|tool_call_begin|>functions.calculate:0<|tool_call_argument_begin|>${EXPR}<|tool_call_end|><|tool_call_begin|>functions.get_time:1<|tool_call_argument_begin|>{}<|tool_call_end|>`
    expect(callsOf(`${delta({ content })}${END}`).calls).toEqual([
      ['calculate', EXPR],
      ['get_time', '{}'],
    ])
  })

  test('with the types of its arguments: a text stays a text', () => {
    const tags = ['id', 'count'].map((name) => `<parameter=${name}>\n42\n</parameter>`).join('\n')
    const offered = {
      names: ['find'],
      isText: (_tool: string, name: string) => name === 'id',
      json: false,
    }
    const { calls } = callsInText(`<function=find>\n${tags}\n</function>`, offered, 'seed')
    expect(JSON.parse(calls[0]?.arguments ?? '')).toEqual({ id: '42', count: 42 })
  })

  test('is not looked for in JSON that the task asked for', () => {
    const offered = { names: ['calculate'], isText: () => true, json: true }
    expect(callsInText(CALL, offered, 'seed').calls).toEqual([])
  })

  test.each([
    `Write <tool_call>${CALL}</tool_call> to calculate.`,
    `For example:\n<tool_call>${CALL}</tool_call>\nThat is all.`,
    '{"name":"Bob","arguments":{}}',
    `{"name":"calculate","arguments":${EXPR},"score":1}`,
    '{"name":"calculate"',
    '[1, 2]',
    '[calculate](https://x.example)',
    '<function=other>{}</function>',
    '<function=calculate>{"expression":</function>',
    '<tool_call>\nnot a call\n</tool_call>',
    '```tool_code\nimport os\n```',
  ])('but not in the text %j', (content) => {
    expect(callsOf(`${delta({ content })}${END}`)).toEqual({ text: content, calls: [] })
  })

  test.each([
    '<parameter=a>',
    '\n',
    '<function=calculate>',
    'calculate(a="',
    '<tool_call>calculate<arg_key>',
    '{"name":"calculate"}',
    'calculate:1{}',
  ])('in seconds even in a long and hostile text of %j', (piece) => {
    const offered = { names: ['calculate'], isText: () => true, json: false }
    const startedMs = performance.now()
    for (const start of ['', '<function=calculate>', '<tool_call>', '[']) {
      callsInText(start + piece.repeat(200_000 / piece.length), offered, 'seed')
    }
    expect(performance.now() - startedMs).toBeLessThan(15_000)
  })
})

describe('calls that an endpoint merged into one are separated', () => {
  const BOTH = [
    ['calculate', EXPR],
    ['calculate', EXPR2],
  ]
  const ZONE = '{"zone":"x"}'
  const [USE, USE2] = [EXPR, EXPR2].map(
    (args) => `{"recipient_name":"functions.calculate","parameters":${args}}`,
  )
  test.each<[string, string, string[], string[][]]>([
    ['with one name', 'calculate', [EXPR + EXPR2], BOTH],
    ['in pieces', 'calculate', [EXPR, EXPR2], BOTH],
    ['with their names joined', 'calculatecalculate', [EXPR + EXPR2], BOTH],
    [
      'with two names joined',
      'calculateget_time',
      [EXPR + ZONE],
      [
        ['calculate', EXPR],
        ['get_time', ZONE],
      ],
    ],
    ['on lines', 'calculate', [`${EXPR}\n${EXPR2}`], BOTH],
    [
      'in the wrapper that a model invents',
      'multi_tool_use.parallel',
      [`{"tool_uses":[${USE},${USE2}]}`],
      BOTH,
    ],
  ])('%s', (_title, name, args, expected) => {
    const pieces = args.map((text, at) => ({
      index: 0,
      ...(at === 0 ? { id: 'a' } : {}),
      function: { ...(at === 0 ? { name } : {}), arguments: text },
    }))
    expect(callsOf(toolTurn(...pieces)).calls).toEqual(expected)
  })
})
