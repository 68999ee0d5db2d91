import { eventually, startTestFleet, type TestFleet } from '@agentfleet/testkit'
import { spreadOf, type Audit, type Spread } from '@agentfleet/tools'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { expectAllEnded, judge, submitAll } from './support.ts'

/** A node dies or freezes with its hands full. */
const TASKS = 1_200
/** Every stranded task runs elsewhere within this, p99, milliseconds (the owner's figure is 15 s). */
const FAILOVER_P99_MS = 3_000
const FROZEN_MS = 10_000

let test: TestFleet
let audit: Audit
beforeEach(async () => {
  test = await startTestFleet({ workers: 3, env: { worker: { WORKER_SLOTS: '1000' } } })
  audit = await judge(test)
})
afterEach(async () => {
  await audit.close()
  await test[Symbol.asyncDispose]()
})

/** Waits until a worker holds at least 300 running tasks, some calls journaled; returns it. */
async function busyWorker() {
  return eventually(async () => {
    const { nodes } = await test.client.fleet()
    const busiest = nodes.filter((node) => node.active >= 300)[0]
    expect(busiest).toBeDefined()
    const journaled = [...audit.histories.values()].filter((events) =>
      events.some((event) => event.type === 'call-finished'),
    )
    expect(journaled.length).toBeGreaterThan(TASKS / 2)
    return test.fleet.members('worker').find((member) => member.id === busiest!.id)!
  }, 60_000)
}

/** Histories of tasks that another node has begun. */
function takenOver() {
  return [...audit.histories.values()].filter((events) =>
    events.some((event) => event.type === 'attempt-started'),
  )
}

/** Tasks whose journaled calls were made again all the same. */
async function paidAgain(): Promise<string[]> {
  const url = `${test.fleet.simulators[0]}/sim/calls`
  const { repeated } = (await (await fetch(url)).json()) as {
    repeated: { taskId: string; step: string; started: number }[]
  }
  return repeated
    .filter(({ taskId, step }) => {
      const events = audit.histories.get(taskId) ?? []
      const restart = events.findIndex((event) => event.type === 'attempt-started')
      return events
        .slice(0, restart < 0 ? undefined : restart)
        .some((event) => event.type === 'call-finished' && event.step === Number(step))
    })
    .map(({ taskId, step }) => `${taskId}/${step}`)
}

/** How long after an instant tasks were begun again, milliseconds. */
function restartsSince(atMs: number): Spread {
  const starts = [...audit.histories.values()]
    .flat()
    .filter((event) => event.type === 'attempt-started')
  return spreadOf(starts.map((event) => event.atMs - atMs))
}

function print(what: string, { count, p50, p99, max }: Spread): void {
  console.log(
    `${what} worker, ${count} tasks begun elsewhere: p50 ${p50} ms, p99 ${p99} ms, max ${max} ms`,
  )
}

/** Calls made beyond the first of their step. */
async function extraCalls(): Promise<number> {
  const url = `${test.fleet.simulators[0]}/sim/calls`
  const { repeated } = (await (await fetch(url)).json()) as { repeated: { started: number }[] }
  return repeated.reduce((sum, { started }) => sum + started - 1, 0)
}

describe('a worker killed with hundreds of tasks in flight', () => {
  it('loses none, finishes none twice and pays no journaled call again (L2, L4)', async () => {
    const accepted = await submitAll(test.client, TASKS, {
      task: 'work',
      model: 'sim-steps?n=4&ms=2500',
    })
    const victim = await busyWorker()
    const killedAtMs = Date.now()
    victim.kill('SIGKILL')
    await expectAllEnded(audit, accepted)
    const restarts = restartsSince(killedAtMs)
    print('killed', restarts)
    expect(restarts.count).toBeGreaterThanOrEqual(300)
    expect(restarts.p99).toBeLessThanOrEqual(FAILOVER_P99_MS)
    expect(await paidAgain()).toEqual([])
    const ended = [...audit.histories.values()].map((events) => events.at(-1)!.type)
    expect(new Set(ended)).toEqual(new Set(['completed']))
  })
})

describe('a worker frozen for ten seconds and then resumed', () => {
  it('commits nothing that was taken over (L3)', async () => {
    const accepted = await submitAll(test.client, TASKS, {
      task: 'work',
      // Long enough that the new owners still run when the old one wakes up.
      model: 'sim-steps?n=8&ms=2000',
    })
    const victim = await busyWorker()
    const stoppedAtMs = Date.now()
    victim.kill('SIGSTOP')
    await eventually(() => expect(takenOver().length).toBeGreaterThanOrEqual(300), 15_000)
    const resumeAtMs = stoppedAtMs + FROZEN_MS
    await eventually(() => expect(Date.now()).toBeGreaterThan(resumeAtMs), 10_000)
    print('frozen', restartsSince(stoppedAtMs))
    victim.kill('SIGCONT')
    await expectAllEnded(audit, accepted)
    const taken = takenOver()
    for (const events of taken) {
      const start = events.find((event) => event.type === 'attempt-started')
      expect(start!.node).not.toBe(victim.id)
    }
    // What the frozen node had in flight was paid for once more, and nothing beyond that.
    const extra = await extraCalls()
    expect(extra).toBeLessThanOrEqual(taken.length)
    // The resumed node is taken back and works again.
    await eventually(async () => {
      const { nodes } = await test.client.fleet()
      expect(nodes.find((node) => node.id === victim.id)).toMatchObject({ state: 'alive' })
    }, 20_000)
  })
})
