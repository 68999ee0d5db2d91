import type { Client } from '@agentfleet/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { setup, type GatewayBench } from '../support.ts'

/** Tasks that another key must approve, on an open gateway. */
let bench: GatewayBench
beforeAll(async () => {
  bench = await setup()
})
afterAll(() => bench[Symbol.asyncDispose]())

const approvers = 'other-keys' as const
const task = { task: 'x', approvers }
const schedule = { cron: '0 0 * * *', task }

const SUBMISSIONS: Readonly<
  Record<string, readonly [(client: Client) => Promise<unknown>, string]>
> = {
  task: [(client) => client.submit(task), '/approvers'],
  'task with an idempotency key': [
    (client) => client.submit(task, { idempotencyKey: 'k' }),
    '/approvers',
  ],
  goal: [(client) => client.submitGoal({ goal: 'x', approvers }), '/approvers'],
  schedule: [(client) => client.putSchedule('nightly', schedule), '/task/approvers'],
}

test.each(Object.entries(SUBMISSIONS))(
  'without a key, a %s that another key must approve is refused, because no client could approve it',
  async (_what, [submit, pointer]) => {
    await expect(submit(bench.client())).rejects.toMatchObject({
      status: 400,
      problem: {
        code: 'invalid-request',
        detail: expect.stringMatching(/send the request with a key, or omit approvers/) as string,
        errors: [{ pointer }],
      },
    })
  },
)

test('only the task that another key must approve is refused of a batch without a key', async () => {
  const [wrong, right] = await bench.client().submitBatch([task, { task: 'x' }])
  expect([wrong?.status, right?.status]).toEqual([400, 202])
  expect(wrong?.problem?.errors).toMatchObject([{ pointer: '/approvers' }])
})

test('with a key, an open gateway accepts a task that another key must approve', async () => {
  const scopes = ['tasks:write' as const, 'tasks:read' as const]
  const made = await bench.client().createKey({ name: 'ci', tenant: 'default', scopes })
  const client = bench.client(made.key)
  expect(await client.submit(task)).toMatchObject({ submittedBy: made.id, approvers })
  expect(await client.submitGoal({ goal: 'x', approvers })).toMatchObject({ state: 'queued' })
  expect(await client.putSchedule('nightly', schedule)).toMatchObject({ name: 'nightly' })
})
