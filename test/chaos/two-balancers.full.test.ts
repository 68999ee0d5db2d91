import {
  LEADER_KEY,
  decisionSchema,
  incidentSchema,
  deathSchema,
  type Decision,
} from '@agentfleet/protocol'
import { eventually, startTestFleet, type TestFleet } from '@agentfleet/testkit'
import type { Accepted, Audit, Callers } from '@agentfleet/tools'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectAllEnded, judge, startLoad, submitAll } from './support.ts'

/**
 * Two processes of every service that decides, and one of each killed permanently while tasks arrive and run:
 * decisions continue, no task is lost, and nothing is done twice.
 */
const REPLICAS = {
  'load-balancer': 2,
  'health-monitor': 2,
  autoscaler: 2,
  coordinator: 2,
  recovery: 2,
}
/** A leader's session lives at most twice its time, and its lock rests a second, milliseconds. */
const LED_AGAIN_WITHIN_MS = 45_000
/** Work that the killed process did not hold is over within this, milliseconds. */
const GOES_ON_WITHIN_MS = 10_000

let test: TestFleet
let audit: Audit
let load: Callers
/** Tasks in addition to the load. */
const beside: Accepted[] = []
beforeAll(async () => {
  test = await startTestFleet({
    workers: 3,
    replicas: REPLICAS,
    // A killed process is not restarted: the others continue.
    restart: false,
    env: {
      worker: { WORKER_SLOTS: '40' },
      'load-balancer': { ADVISER_MODE: 'on' },
      autoscaler: { DRIVER: 'local', SCALE_MIN: '3', SCALE_MAX: '5' },
    },
  })
  audit = await judge(test)
  load = startLoad(test.client, 3, { task: 'work', model: 'sim?ttft=100&tokens=5' })
  await eventually(() => expect(load.accepted.length).toBeGreaterThan(50), 30_000)
})
afterAll(async () => {
  await load.stop()
  await audit.close()
  await test[Symbol.asyncDispose]()
})

/** Everything on OPS whose subject begins with this, oldest first. */
async function recorded(prefix: string): Promise<unknown[]> {
  const manager = await test.bus.nats.jetstreamManager()
  const { state } = await manager.streams.info('OPS')
  const found: unknown[] = []
  for (let seq = state.first_seq; seq <= state.last_seq; seq += 1) {
    const message = await manager.streams.getMessage('OPS', { seq }).catch(() => undefined)
    if (message?.subject.startsWith(prefix) === true) found.push(message.json())
  }
  return found
}
const decisionsOf = async (service: string): Promise<Decision[]> =>
  (await recorded(`ops.decision.${service}`)).map((entry) => decisionSchema.parse(entry))

/** Kills one process of a service permanently; returns its id. */
function kill(service: string, id?: string): string {
  const member = test.fleet.members(service).find((one) => id === undefined || one.id === id)
  expect(member, `a running ${service}`).toBeDefined()
  member!.kill('SIGKILL')
  return member!.id
}

/** Tasks that are accepted from now on end soon. */
async function goesOn(): Promise<void> {
  const before = load.accepted.length
  await eventually(() => expect(load.accepted.length).toBeGreaterThan(before + 100), 30_000)
  const sample = load.accepted.slice(before + 50, before + 100)
  await eventually(() => expect(open(sample)).toBe(0), GOES_ON_WITHIN_MS)
}

/** How many of these are not completed yet. */
function open(accepted: readonly Accepted[]): number {
  const completed = ({ taskId }: Accepted): boolean =>
    audit.histories.get(taskId)?.some(({ type }) => type === 'completed') === true
  return accepted.filter((one) => !completed(one)).length
}

describe('one of two processes that is killed permanently under load', () => {
  it('leaves all free slots to the other load balancer, and new tasks show that this load balancer has placed them', async () => {
    const dead = kill('load-balancer')
    await goesOn()
    const view = await test.client.submit(
      { task: 'x', model: 'echo?ms=10', affinityKey: 'talk' },
      { waitSeconds: 20 },
    )
    beside.push({ taskId: view.id })
    expect(view.state).toBe('completed')
    expect(view.placement?.reason).toMatch(/^(affinity|lowest-load|only-candidate) of \d+ nodes: /)
    expect(view.placement?.by).toMatch(/^load-balancer-/)
    expect(view.placement?.by).not.toBe(dead)
    expect(view.placement?.node).toBe(view.node)
  })

  it('leaves advised placement to the other load balancer, whose decisions can be read', async () => {
    const view = await test.client.submit(
      { task: 'x', model: 'echo?ms=10', placement: 'advised' },
      { waitSeconds: 20 },
    )
    beside.push({ taskId: view.id })
    expect(view.state).toBe('completed')
    expect(view.placement?.reason).toMatch(/^advised of \d+ nodes: /)
    await eventually(async () => {
      const about = (await decisionsOf('load-balancer')).filter((one) => one.about === view.id)
      expect(about).toHaveLength(1)
      expect(about[0]).toMatchObject({
        kind: 'place',
        reason: 'advised',
        advice: { mode: 'on', outcome: 'followed-policy', answer: { choice: 'n1' } },
        acted: true,
      })
    })
  })

  it('does not prevent recovery from a dead worker, which gets exactly one death, one incident and one redistribution', async () => {
    kill('health-monitor')
    kill('recovery')
    const victim = kill('worker')
    const incidents = await eventually(async () => {
      const all = (await recorded('ops.incident.')).map((entry) => incidentSchema.parse(entry))
      const own = all.filter(({ nodeId }) => nodeId === victim)
      expect(own.at(-1)?.redistributedAtMs).toBeDefined()
      expect(own.at(-1)?.action).toBeDefined()
      return own
    }, 30_000)
    expect(new Set(incidents.map(({ id }) => id)).size).toBe(1)
    expect(new Set(incidents.map(({ by }) => by)).size).toBe(1)
    const deaths = (await recorded('ops.node.')).map((entry) => deathSchema.parse(entry))
    expect(deaths.filter(({ nodeId }) => nodeId === victim)).toHaveLength(1)
    // No other node was declared dead.
    expect(deaths).toHaveLength(1)
    const decided = (await decisionsOf('recovery')).filter(({ about }) => about === victim)
    expect(new Set(decided.map(({ kind }) => kind)).size).toBe(decided.length)
    await goesOn()
  })

  it('leaves the leadership to the other autoscaler, which scales, and no decision is made twice', async () => {
    const url = `${test.fleet.consul.url}/v1/kv/${LEADER_KEY}?raw`
    const dead = kill('autoscaler', await (await fetch(url)).text())
    const many = await submitAll(test.client, 400, { task: 'work', model: 'sim-steps?n=4&ms=2500' })
    beside.push(...many)
    const after = await eventually(async () => {
      const decisions = await decisionsOf('autoscaler')
      const next = decisions.filter(({ by }) => by !== dead)
      expect(next.some(({ kind, acted }) => kind === 'scale-out' && acted)).toBe(true)
      return decisions
    }, LED_AGAIN_WITHIN_MS)
    // First decisions of the dead one, then of the other: they never took turns.
    const changes = after.filter(({ by }, index) => by !== after[index - 1]?.by)
    expect(changes.length).toBeLessThanOrEqual(2)
    expect(new Set(after.map(({ id }) => id)).size).toBe(after.length)
    expect(test.fleet.members('worker').length).toBeLessThanOrEqual(5)
    await eventually(() => expect(open(many)).toBe(0), 120_000)
    await goesOn()
  })

  it('leaves every accepted task with exactly one end event, even when the killed process is a coordinator', async () => {
    kill('coordinator')
    await goesOn()
    await load.stop()
    await expectAllEnded(audit, [...load.accepted, ...beside])
  })
})
