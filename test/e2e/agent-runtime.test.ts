import { readFile } from 'node:fs/promises'
import type { JournaledCall } from '@agentfleet/domain'
import type { TaskRequest, TaskView } from '@agentfleet/protocol'
import { eventually } from '@agentfleet/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { joinSharedFleet, SOON_MS, type Tenant } from './tenant.ts'

/** What an agent can do in addition to text, through HTTP: tools, approvals, results of a schema. */
let test: Tenant
beforeAll(async () => {
  test = await joinSharedFleet('agent-runtime')
})
afterAll(() => test[Symbol.asyncDispose]())

type Turn =
  | { readonly content: string }
  | { readonly toolCalls: { name: string; arguments: unknown }[] }

let scripts = 0
/** Submits a task whose model gives these turns. */
async function submit(
  turns: readonly Turn[],
  spec: Partial<TaskRequest> = {},
  waitSeconds?: number,
): Promise<TaskView> {
  scripts += 1
  const model = await test.script(`script-${scripts}`, turns)
  return test.client.submit(
    { task: 'do it', model, ...spec },
    waitSeconds === undefined ? {} : { waitSeconds },
  )
}

const use = (name: string, args: unknown): Turn => ({ toolCalls: [{ name, arguments: args }] })

async function calls(taskId: string): Promise<readonly JournaledCall[]> {
  return (await test.log.record(taskId))?.calls ?? []
}

/** The answers of a task's tool calls to the model. */
async function heard(taskId: string): Promise<readonly string[]> {
  const outputs = (await calls(taskId)).filter(({ kind }) => kind === 'tool')
  return outputs.map(({ output }) => (output as { text: string }).text)
}

/** The text that the tools of the folder wrote for a task. */
async function lines(taskId: string): Promise<readonly string[]> {
  const all = (await readFile(test.fleet.toolLog, 'utf8')).split('\n')
  return all.filter((line) => line.startsWith(taskId)).map((line) => line.slice(taskId.length + 1))
}

describe('a tool of an agent', () => {
  it('from the tools folder is offered to the model under its name, and each call gets the idempotency key of its step', async () => {
    const view = await submit(
      [use('append_line', { line: 'hello' }), { content: 'done' }],
      { tools: ['append_line'] },
      30,
    )
    expect(view).toMatchObject({ state: 'completed', result: 'done' })
    expect(await lines(view.id)).toEqual(['1 hello'])
    expect(await heard(view.id)).toEqual([`{"line":"hello","key":"${view.id}.1"}`])
  })

  it('is offered only if the task lists the tool, and the model gets an error when it calls a tool wrongly', async () => {
    const view = await submit(
      [
        use('append_line', { line: 'no' }),
        use('calculate', { expression: 'six' }),
        { content: 'done' },
      ],
      { tools: ['calculate'] },
      30,
    )
    expect(view).toMatchObject({ state: 'completed' })
    expect(await lines(view.id)).toEqual([])
    expect(await heard(view.id)).toEqual([
      expect.stringContaining('there is no tool "append_line"'),
      expect.stringMatching(/^error: /),
    ])
  })

  it('that fails again and again makes the task fail', async () => {
    const turns = Array.from({ length: 9 }, () => use('calculate', { expression: 'six' }))
    const view = await submit([...turns, { content: 'done' }], {}, 30)
    expect(view).toMatchObject({ state: 'failed', error: { code: 'tool-failed' } })
    expect(await heard(view.id)).toHaveLength(8)
  })

  it('is called no more often than the limits of the task allow', async () => {
    const turns = [use('calculate', { expression: '1' }), use('calculate', { expression: '2' })]
    const script = [...turns, { content: 'done' }]
    const tools = await submit(script, { limits: { toolCallsMax: 1 } }, 30)
    expect(tools).toMatchObject({ state: 'failed', error: { code: 'too-many-tool-calls' } })
    expect(await heard(tools.id)).toEqual(['1'])
    const turned = await submit(script, { limits: { turnsMax: 2 } }, 30)
    expect(turned).toMatchObject({ state: 'failed', error: { code: 'too-many-turns' } })
    expect(turned.usage).toMatchObject({ llmCalls: 2 })
  })

  it('that no node offers makes the gateway refuse the task at once, with the list of existing tools', async () => {
    const refused = submit([{ content: 'done' }], { tools: ['ghost'] }, 30)
    await expect(refused).rejects.toMatchObject({
      status: 422,
      problem: { code: 'unknown-tool', detail: expect.stringMatching(/ghost.*calculate/) },
    })
    const tools = await test.client.tools()
    const sum = tools.find(({ name }) => name === 'everything__get-sum')
    expect(sum).toMatchObject({ source: 'mcp', nodes: 2 })
  })

  it('from an MCP server over stdio is called under its name', async () => {
    const view = await submit(
      [use('everything__get-sum', { a: 2, b: 40 }), { content: 'done' }],
      { tools: ['everything__*'] },
      30,
    )
    expect(view).toMatchObject({ state: 'completed' })
    expect(await heard(view.id)).toEqual([expect.stringContaining('42')])
  })

  it('does not reach an internal address, no matter what address the model asks for', async () => {
    const inside = `http://127.0.0.1:${new URL(test.fleet.url).port}/readyz`
    const view = await submit(
      [
        use('http_fetch', { url: 'http://169.254.169.254/latest/meta-data/' }),
        use('http_fetch', { url: inside }),
        { content: 'done' },
      ],
      {},
      30,
    )
    expect(view).toMatchObject({ state: 'completed' })
    expect(await heard(view.id)).toEqual([
      expect.stringMatching(/^error: refused/),
      expect.stringMatching(/^error: refused/),
    ])
  })
})

describe('the result of a task with a schema', () => {
  const responseSchema = {
    type: 'object',
    properties: { total: { type: 'integer' } },
    required: ['total'],
    additionalProperties: false,
  }

  it('is the parsed value of the answer, after the model has corrected its answer', async () => {
    const view = await submit(
      [{ content: 'It is 42.' }, { content: '{"total":"42"}' }, { content: '{"total":42}' }],
      { responseSchema },
      30,
    )
    expect(view).toMatchObject({ state: 'completed', result: { total: 42 } })
    expect(view.usage).toMatchObject({ llmCalls: 3 })
  })

  it('is missing if the model does not correct its answer, and the task fails with `invalid-output` without a further call', async () => {
    const wrong = { content: '{"total":"42"}' }
    const view = await submit([wrong, wrong, wrong, wrong, wrong], { responseSchema }, 30)
    expect(view).toMatchObject({
      state: 'failed',
      attempt: 1,
      error: { code: 'invalid-output', message: expect.stringContaining('/total must be integer') },
    })
    expect(await calls(view.id)).toHaveLength(3)
  })
})

describe('a tool call that needs approval', () => {
  const turns = [use('pay_out', { amount: 5 }), { content: 'done' }]
  const waiting = (taskId: string): Promise<TaskView> =>
    eventually(async () => {
      const view = await test.client.get(taskId)
      expect(view.state).toBe('waiting')
      return view
    }, SOON_MS)

  it('waits until a person approves it, and is made once', async () => {
    const { id } = await submit(turns, { tools: ['pay_out'] })
    expect((await waiting(id)).waitingFor).toEqual({
      kind: 'approval',
      step: 1,
      tool: 'pay_out',
      arguments: { amount: 5 },
    })
    expect(await lines(id)).toEqual([])
    await expect(test.client.approve(id, 2, { approved: true })).rejects.toMatchObject({
      status: 409,
    })
    await test.client.approve(id, 1, { approved: true })
    // The same answer again changes nothing, another one is refused.
    await test.client.approve(id, 1, { approved: true })
    await expect(test.client.approve(id, 1, { approved: false })).rejects.toMatchObject({
      status: 409,
    })
    expect(await test.ended(id)).toMatchObject({ state: 'completed', result: 'done' })
    expect(await lines(id)).toEqual(['1 paid 5'])
  })

  it("is answered with the person's note when it is rejected", async () => {
    const { id } = await submit(turns, { tools: ['pay_out'] })
    await waiting(id)
    await test.client.approve(id, 1, { approved: false, note: 'too much' })
    expect(await test.ended(id)).toMatchObject({ state: 'completed' })
    expect(await heard(id)).toEqual(['A person refused this call: too much'])
    expect(await lines(id)).toEqual([])
  })

  it('does not ask a person when its arguments are wrong', async () => {
    const turnsWrong = [use('pay_out', { amount: -5 }), { content: 'done' }]
    const view = await submit(turnsWrong, { tools: ['pay_out'] }, 30)
    expect(view).toMatchObject({ state: 'completed' })
    expect(await heard(view.id)).toEqual([expect.stringMatching(/^error: the arguments/)])
  })

  it('is never made for a cancelled task', async () => {
    const { id } = await submit(turns, { tools: ['pay_out'] })
    await waiting(id)
    await test.client.cancel(id)
    await expect(test.client.approve(id, 1, { approved: true })).rejects.toMatchObject({
      status: 409,
    })
    expect(await lines(id)).toEqual([])
  })
})

describe('a running tool', () => {
  const slow = (ms: number) => [use('append_line', { line: 'slow', ms }), { content: 'done' }]
  const begun = (taskId: string): Promise<void> =>
    eventually(async () => expect(await lines(taskId)).toEqual(['1 slow']), SOON_MS)

  it('is aborted when its task is cancelled', async () => {
    const { id } = await submit(slow(60_000), { tools: ['append_line'] })
    await begun(id)
    await test.client.cancel(id)
    await eventually(async () => {
      expect(await lines(id)).toEqual(['1 slow', '1 aborted'])
    }, SOON_MS)
    expect((await test.ended(id)).state).toBe('cancelled')
  })

  it('is aborted when its task is out of time', async () => {
    const { id } = await submit(slow(60_000), { tools: ['append_line'], timeoutMs: 4_000 })
    await begun(id)
    expect(await test.ended(id)).toMatchObject({ error: { code: 'deadline-exceeded' } })
    await eventually(async () => {
      expect(await lines(id)).toEqual(['1 slow', '1 aborted'])
    }, SOON_MS)
  })
})
