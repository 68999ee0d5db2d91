import { eventually, startTestFleet, type TestFleet } from '@agentfleet/testkit'
import type { Audit } from '@agentfleet/tools'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { expectAllEnded, judge, submitAll, WITHIN_MS } from './support.ts'

/** Every process of a fleet has another wrong wall clock; only those of the servers are right. */
const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const TASKS = 100

/** Variables of a process whose clock is ahead by so many days. */
function ahead(days: number): Record<string, string> {
  const code = `const now=Date.now;Date.now=()=>now()+${days * DAY_MS}`
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` }
}

let test: TestFleet
let audit: Audit
beforeAll(async () => {
  test = await startTestFleet({
    workers: 3,
    env: {
      gateway: ahead(1),
      coordinator: ahead(-2),
      'load-balancer': ahead(3),
      worker: ahead(-4),
      'health-monitor': ahead(5),
      recovery: ahead(-6),
      autoscaler: ahead(7),
    },
  })
  audit = await judge(test)
}, WITHIN_MS)
afterAll(async () => {
  await audit.close()
  await test[Symbol.asyncDispose]()
})

const near = (time: string | number) => Math.abs(new Date(time).getTime() - Date.now()) < HOUR_MS

it(
  'tasks end, each call is paid once, and the tasks of a killed node continue, although the clock of each process is wrong by days',
  async () => {
    const model = 'sim-steps?n=2&ms=500'
    const first = await submitAll(test.client, TASKS, { task: 'work', model })
    await audit.untilEnded(TASKS, 60_000)
    const stats = await fetch(`${test.fleet.simulators[0]}/sim/stats`)
    expect(((await stats.json()) as { started: number }).started).toBe(2 * TASKS)
    const view = await test.client.get(first[0]!.taskId)
    expect([view.createdAt, view.updatedAt].every(near)).toBe(true)

    const long = await submitAll(test.client, TASKS, {
      task: 'long',
      model: 'sim-steps?n=8&ms=500',
    })
    const busy = await eventually(async () => {
      const { nodes } = await test.client.fleet()
      const found = nodes.find(({ active }) => active >= 10)
      expect(found).toBeDefined()
      return found!
    }, 30_000)
    test.fleet
      .members('worker')
      .find(({ id }) => id === busy.id)!
      .kill('SIGKILL')
    await expectAllEnded(audit, [...first, ...long])
    const incident = await eventually(async () => {
      const { incidents } = await test.client.incidents()
      const found = incidents.find(({ nodeId }) => nodeId === busy.id)
      expect(found?.state).toBe('closed')
      return found!
    }, 150_000)
    expect(near(incident.detectedAtMs)).toBe(true)
  },
  WITHIN_MS,
)
