import { CHANNELS } from '@agentfleet/protocol'
import { eventually } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { setup } from '../support.ts'

const tool = (name: string) => ({
  name,
  description: `does ${name}`,
  source: 'module' as const,
  approval: false,
})

const unreachable = { server: 'crm', problem: 'the node cannot reach the server (ECONNREFUSED)' }

test('tools are listed with their nodes, and a task with an unknown tool or model is refused', async () => {
  await using bench = await setup({ DEFAULT_MODEL: 'gpt-x' })
  const client = bench.client()
  const say = () => {
    const models = ['echo', 'gpt-*']
    bench.bus.send(
      CHANNELS.offers,
      { nodeId: 'n1', tools: [tool('lookup'), tool('crm__find')], models },
      { nodeId: 'n1' },
    )
    bench.bus.send(
      CHANNELS.offers,
      { nodeId: 'n2', tools: [tool('lookup')], models, mcpProblems: [unreachable] },
      { nodeId: 'n2' },
    )
  }
  // What the built-in model can do is known without any node.
  await expect(client.submit({ task: 'x', model: 'echo?x=1' })).rejects.toMatchObject({
    status: 422,
    problem: { code: 'unknown-model', errors: [{ pointer: '/model' }] },
  })
  // No node has listed its tools yet: the names may be right.
  expect((await client.submit({ task: 'x', tools: ['lokup'] })).state).toBe('queued')
  const refused = await eventually(async () => {
    say()
    return client.submit({ task: 'x', tools: ['lokup', 'crm__*'] }).then(
      () => Promise.reject(new Error('accepted')),
      (error: unknown) => error,
    )
  })
  expect(refused).toMatchObject({
    status: 422,
    problem: {
      code: 'unknown-tool',
      detail:
        'No node offers lokup. Did you mean lookup? Use one of these tools: crm__find, lookup.',
      errors: [{ pointer: '/tools' }],
    },
  })
  await expect(
    client.submit({ task: 'x', model: 'gtp-4', fallbackModels: ['gpt-4'] }),
  ).rejects.toMatchObject({ status: 422, problem: { code: 'unknown-model' } })
  const fits = await client.submit({ task: 'x', tools: ['crm__*', 'lookup'], model: 'gpt-4' })
  expect(fits.state).toBe('queued')
  expect(await client.tools()).toEqual([
    { ...tool('crm__find'), nodes: 1 },
    { ...tool('lookup'), nodes: 2 },
  ])
  expect(await client.mcpProblems()).toEqual([{ ...unreachable, nodes: 1 }])
})

test('with TENANT_TOOLS each tenant sees only its tools and its MCP servers, and a task with another tool is refused', async () => {
  const keys = { acme: 'a-key-of-16-characters', beta: 'another-key-of-16-characters' }
  await using bench = await setup({
    API_KEYS: Object.entries(keys)
      .map((each) => each.join(':'))
      .join(),
    TENANT_TOOLS: '{"acme":["lookup","crm__*"],"*":["lookup"]}',
  })
  const [acme, beta] = [bench.client(keys.acme), bench.client(keys.beta)]
  const tools = ['crm__find', 'lookup', 'pay_out'].map(tool)
  const say = () => {
    const offers = { nodeId: 'n1', tools, models: ['*'], mcpProblems: [unreachable] }
    bench.bus.send(CHANNELS.offers, offers, { nodeId: 'n1' })
  }
  const names = async (client: typeof acme) => (await client.tools()).map(({ name }) => name)
  await eventually(async () => {
    say()
    expect(await names(acme)).toEqual(['crm__find', 'lookup'])
  }, 15_000)
  expect(await names(beta)).toEqual(['lookup'])
  expect(await acme.mcpProblems()).toHaveLength(1)
  expect(await beta.mcpProblems()).toEqual([])
  const refused = await eventually(async () => {
    say()
    return beta.submit({ task: 'x', tools: ['lookup', 'crm__*', 'pay_out'] }).then(
      () => Promise.reject(new Error('accepted')),
      (error: unknown) => error,
    )
  }, 15_000)
  expect(refused).toMatchObject({
    problem: {
      code: 'unknown-tool',
      detail: 'No node offers crm__*, pay_out to your tenant. Use one of these tools: lookup.',
    },
  })
  expect((await acme.submit({ task: 'x', tools: ['crm__*'] })).state).toBe('queued')
})
