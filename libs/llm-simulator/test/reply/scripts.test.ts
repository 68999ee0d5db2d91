import { describe, expect, it } from 'vitest'
import {
  chat,
  postJson,
  readAnswer,
  readChunks,
  startSimulator,
  textOf,
  type Chunk,
} from '../support.ts'

const answered = (turns: number): { role: string; content: string }[] => [
  { role: 'user', content: 'go' },
  ...Array.from({ length: turns }, () => ({ role: 'assistant', content: 'x' })),
]

function toolCallsOf(chunks: Chunk[]): { id: string; name: string; arguments: string }[] {
  const calls: { id: string; name: string; arguments: string }[] = []
  for (const call of chunks.flatMap((chunk) => chunk.choices[0]?.delta.tool_calls ?? [])) {
    if (call.id === undefined) calls[call.index]!.arguments += call.function.arguments
    else calls[call.index] = { id: call.id, name: call.function.name ?? '', arguments: '' }
  }
  return calls
}

describe('scripts of the simulator', () => {
  it('choose the turn to answer by the number of assistant messages in the request', async () => {
    await using simulator = await startSimulator()
    const turns = [
      {
        content: 'let me see',
        toolCalls: [
          { name: 'search', arguments: { query: 'a long enough question' } },
          { name: 'clock', arguments: '{}' },
        ],
      },
      { error: { status: 502, message: 'scripted', code: 'bad_gateway' } },
      { content: 'done', delayMs: 60 },
    ]
    const added = await postJson(`${simulator.url}/sim/scripts`, { name: 'demo', turns })
    expect(added.status).toBe(200)
    const ask = (turn: number): Promise<Response> =>
      chat(simulator.url, { model: 'sim-script:demo', stream: true, messages: answered(turn) })

    const chunks = await readChunks(await ask(0))
    expect(textOf(chunks)).toBe('let me see')
    expect(toolCallsOf(chunks)).toEqual([
      { id: 'call_0', name: 'search', arguments: '{"query":"a long enough question"}' },
      { id: 'call_0_1', name: 'clock', arguments: '{}' },
    ])
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('tool_calls')

    const failed = await ask(1)
    expect(failed.status).toBe(502)
    expect(await failed.json()).toMatchObject({
      error: { message: 'scripted', code: 'bad_gateway' },
    })

    const startedAtMs = performance.now()
    expect(textOf(await readChunks(await ask(2)))).toBe('done')
    expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(55)

    expect(await (await ask(3)).json()).toMatchObject({ error: { code: 'script_exhausted' } })
  })

  it('that are built in make n-1 tool calls and then give a final text', async () => {
    await using simulator = await startSimulator()
    for (let turn = 0; turn < 3; turn += 1) {
      const model = 'sim-steps?n=3&ms=1'
      const response = await chat(simulator.url, { model, messages: answered(turn) })
      const { choices } = await readAnswer(response)
      if (turn === 2) expect(choices[0]?.message.content).toMatch(/^\[simulated\]/)
      else {
        expect(choices[0]?.message.content).toBeNull()
        expect(choices[0]?.message.tool_calls).toEqual([
          {
            id: `call_${turn}`,
            type: 'function',
            function: { name: 'calculate', arguments: `{"expression":"${turn}+1"}` },
          },
        ])
      }
    }
  })

  it('that are invalid are refused with a list of all problems', async () => {
    await using simulator = await startSimulator()
    const turns = [{ contents: 'x' }, { delayMs: -1, error: { status: 200 } }]
    const response = await postJson(`${simulator.url}/sim/scripts`, { name: 'a b', turns })
    expect(response.status).toBe(400)
    const { error } = await readAnswer(response)
    for (const word of ['name', 'turns[0].contents', 'turns[1].delayMs', 'turns[1].error']) {
      expect(error.message).toContain(word)
    }
  })
})
