import { STREAMS, SUBJECTS, type Pointer, type TenantQueue } from '@agentfleet/protocol'
import { expect } from 'vitest'
import {
  ack,
  openPointerConsumers,
  openPointers,
  streamFill,
  type Bus,
} from '../../../../libs/adapters/src/index.ts'
import { pause, pull, pulling, testsOn, until, type Ground } from './conformance-ground.ts'

const TENANT = 't'
/** Leases of the tests' own consumers: short, since a test waits for them, milliseconds. */
const LEASE_MS = 600

/** The properties of the queue that the protocol relies on. */
export function declarePointers(ground: () => Ground): void {
  declareIssuing(ground)
  declareLeases(ground)
  declareStaleWords(ground)
}

function declareIssuing(ground: () => Ground): void {
  const on = testsOn(ground)

  on('a task has one pointer however often it is issued', async (bus) => {
    const pointers = openPointers(bus)
    expect(await pointers.issueSurely(pointerOf('one'), 'medium')).toBe('issued')
    expect(await pointers.issueSurely(pointerOf('one'), 'medium')).toBe('present')
    expect(await pointers.has('medium', TENANT, 'one')).toBe(true)
    expect([...(await pointers.taskIds())]).toContain('one')
    expect(await pointers.remove('medium', TENANT, 'one')).toBe(true)
    expect(await pointers.remove('medium', TENANT, 'one')).toBe(false)
    expect(await pointers.has('medium', TENANT, 'one')).toBe(false)
    expect(await pointers.issueSurely(pointerOf('one'), 'medium')).toBe('issued')
    await pointers.remove('medium', TENANT, 'one')
  })

  on('an acked pointer is gone, and its consumer can be removed', async (bus) => {
    const queue: TenantQueue = { tenant: 'gone', priority: 'low' }
    const consumers = openPointerConsumers(bus)
    const pointers = openPointers(bus)
    await consumers.make(queue)
    await pointers.issueSurely({ ...pointerOf('acked'), tenant: 'gone' }, 'low')
    // nats-server counts a stored message for its consumers a moment after it answers the publisher.
    await until(async () =>
      (await consumers.list()).some((at) => at.tenant === 'gone' && at.waiting === 1),
    )
    const found = await consumers.list()
    expect(found.find(({ tenant }) => tenant === 'gone')).toMatchObject({ waiting: 1, out: 0 })
    expect(await consumers.removeIdle(queue)).toBe(false)
    const [message] = await pull(bus, 'balance-low-gone', 1)
    expect(message).toMatchObject({
      subject: SUBJECTS.pointer('low', 'gone', 'acked'),
      deliveries: 1,
      waiting: 0,
    })
    const out = await consumers.list()
    expect(out.find(({ tenant }) => tenant === 'gone')).toMatchObject({ waiting: 0, out: 1 })
    ack.done(bus, message?.ackSubject)
    await until(async () => !(await pointers.has('low', 'gone', 'acked')))
    expect(await consumers.removeIdle(queue)).toBe(true)
    expect((await consumers.list()).filter(({ tenant }) => tenant === 'gone')).toEqual([])
  })
}

function declareLeases(ground: () => Ground): void {
  const on = testsOn(ground)

  on('an unconfirmed pointer is redelivered when its lease ends', async (bus) => {
    const { name } = await prepare(bus, 'unconfirmed')
    const [first] = await pull(bus, name, 1)
    const [second] = await pull(bus, name, 1)
    expect([first?.deliveries, second?.deliveries]).toEqual([1, 2])
    expect(second).toMatchObject({ seq: first?.seq, subject: first?.subject })
    ack.done(bus, second?.ackSubject)
  })

  on('a renewed lease keeps a pointer with its reader', async (bus) => {
    const { name } = await prepare(bus, 'renewed')
    const [first] = await pull(bus, name, 1)
    const again = pulling(bus, name)
    for (let renewals = 0; renewals < 6; renewals += 1) {
      await pause(LEASE_MS / 3)
      ack.renew(bus, first?.ackSubject)
    }
    expect(again.messages).toEqual([])
    await until(() => again.messages.length === 1)
    again.stop()
    ack.done(bus, again.messages[0]?.ackSubject)
  })
}

function declareStaleWords(ground: () => Ground): void {
  const on = testsOn(ground)

  on('a NAK redelivers a pointer at once, and a stale NAK redelivers it again', async (bus) => {
    const { name } = await prepare(bus, 'given-back')
    const [first] = await pull(bus, name, 1)
    ack.giveBack(bus, first?.ackSubject)
    const [second] = await pull(bus, name, 1)
    expect(second?.deliveries).toBe(2)
    // Any holder of an ack subject can give a pointer back, of any delivery.
    ack.giveBack(bus, first?.ackSubject)
    const [third] = await pull(bus, name, 1)
    expect(third?.deliveries).toBe(3)
    ack.done(bus, third?.ackSubject)
  })

  on('a stale ack deletes the pointer, although another reader holds it', async (bus) => {
    const { name, taskId, tenant } = await prepare(bus, 'stale')
    const [first] = await pull(bus, name, 1)
    ack.giveBack(bus, first?.ackSubject)
    const [second] = await pull(bus, name, 1)
    expect(second?.deliveries).toBe(2)
    ack.done(bus, first?.ackSubject)
    await until(async () => !(await openPointers(bus).has('high', tenant, taskId)))
    // Its holder's pointer is worthless now: the task may have another one.
    expect(await openPointers(bus).issueSurely({ ...pointerOf(taskId), tenant }, 'high')).toBe(
      'issued',
    )
    const [next] = await pull(bus, name, 1)
    expect(next?.deliveries).toBe(1)
    expect(next?.seq).toBeGreaterThan(second?.seq ?? 0)
    ack.done(bus, next?.ackSubject)
  })

  on('two readers of one consumer never get the same pointer at once', async (bus, connect) => {
    const { name, tenant } = await prepare(bus, 'shared')
    const pointers = openPointers(bus)
    for (let index = 0; index < 9; index += 1) {
      await pointers.issueSurely({ ...pointerOf(`${name}-${index}`), tenant }, 'high')
    }
    const readers = [pulling(bus, name), pulling(await connect('reader-2'), name)]
    await until(() => readers.flatMap(({ messages }) => messages).length >= 10)
    const seqs = readers.flatMap(({ messages }) => messages.map(({ seq }) => seq))
    expect(new Set(seqs).size).toBe(seqs.length)
    for (const { messages, stop } of readers) {
      stop()
      for (const { ackSubject } of messages) ack.done(bus, ackSubject)
    }
    await until(async () => (await streamFill(bus, STREAMS.tasks)).messages === 0)
  })
}

interface Prepared {
  readonly name: string
  readonly taskId: string
  readonly tenant: string
}

/** A consumer with a short lease, with one pointer. */
async function prepare(bus: Bus, tenant: string): Promise<Prepared> {
  const name = `lease-${tenant}`
  const manager = await bus.nats.jetstreamManager()
  const config: object = {
    durable_name: name,
    filter_subject: `tasks.high.${tenant}.>`,
    ack_policy: 'explicit',
    ack_wait: LEASE_MS * 1_000_000,
    deliver_policy: 'all',
    max_deliver: -1,
  }
  await manager.consumers.add(STREAMS.tasks, config)
  await openPointers(bus).issueSurely({ ...pointerOf(name), tenant }, 'high')
  return { name, taskId: name, tenant }
}

function pointerOf(taskId: string): Pointer {
  return {
    taskId,
    tenant: TENANT,
    seq: 1,
    cpu: 'low',
    memory: 'low',
    deadlineAtMs: 9e15,
    reissue: false,
  }
}
