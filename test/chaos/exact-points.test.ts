import {
  eventually,
  startBusTap,
  startTestFleet,
  FIXED_NODES,
  type BusTap,
  type TestFleet,
} from '@agentfleet/testkit'
import { drawPorts } from '@agentfleet/local'
import { handoverSchema, CHANNELS } from '@agentfleet/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TIME_SCALE, WITHIN_MS } from './support.ts'

/** A crash between two steps that belong together, at an exact point: the task continues by itself (L8). */
let test: TestFleet
let gatewayTap: BusTap
let coordinatorTap: BusTap
beforeAll(async () => {
  const [natsPort = 0] = await drawPorts(1, true)
  gatewayTap = await startBusTap()
  coordinatorTap = await startBusTap()
  gatewayTap.target(natsPort)
  coordinatorTap.target(natsPort)
  test = await startTestFleet({
    natsPort,
    workers: 1,
    replicas: FIXED_NODES,
    timeScale: TIME_SCALE,
    env: { gateway: { NATS_URL: gatewayTap.url }, coordinator: { NATS_URL: coordinatorTap.url } },
  })
}, WITHIN_MS)
afterAll(async () => {
  await test[Symbol.asyncDispose]()
  await gatewayTap[Symbol.asyncDispose]()
  await coordinatorTap[Symbol.asyncDispose]()
})

const GOES_ON_WITHIN_MS = 45_000

describe(
  'a gateway that is killed between its append and the handover of the task',
  { timeout: WITHIN_MS },
  () => {
    it('leaves the stored task to a coordinator, which issues the pointer, and the task completes', async () => {
      const [gateway] = test.fleet.members('gateway')
      let stored = ''
      gatewayTap.onPublish(({ subject, text }) => {
        // Straight to a load balancer, or into the queue when none has room.
        if (subject !== CHANNELS.handover.subject && !subject.startsWith('tasks.')) return 'forward'
        stored =
          subject === CHANNELS.handover.subject
            ? handoverSchema.parse(JSON.parse(text)).items[0]!.pointer.taskId
            : subject.slice(subject.lastIndexOf('.') + 1)
        gateway!.kill('SIGKILL')
        return 'drop'
      })
      await test.client.submit({ task: 'orphan', model: 'echo' }).catch(() => undefined)
      await eventually(() => expect(stored).not.toBe(''))
      gatewayTap.reset()
      const last = await eventually(async () => {
        const event = await test.log.last(stored)
        expect(event?.event.type).toBe('completed')
        return event
      }, GOES_ON_WITHIN_MS)
      expect(last).toBeDefined()
      const types = (await test.log.history(stored)).map(({ event }) => event.type)
      expect(types.filter((type) => type === 'submitted')).toHaveLength(1)
      expect(types.filter((type) => type === 'completed')).toHaveLength(1)
    })
  },
)

describe('a coordinator that is killed right after its append', { timeout: WITHIN_MS }, () => {
  it('leaves the end of a task that is neither lost nor repeated and can be read at once', async () => {
    // The test before killed the gateway; wait for it.
    await eventually(
      () => test.client.submit({ task: 'warm', model: 'echo' }, { waitSeconds: 30 }),
      GOES_ON_WITHIN_MS,
    )
    const [coordinator] = test.fleet.members('coordinator')
    let ended = ''
    coordinatorTap.onPublish(({ subject, text }) => {
      if (ended === '' && subject.startsWith('log.') && text.includes('"type":"completed"')) {
        ended = subject.slice('log.'.length)
        // The append goes through; its confirmation never arrives.
        coordinatorTap.muteServer()
      }
      return 'forward'
    })
    const { id } = await test.client.submit({ task: 'orphan', model: 'echo' })
    await eventually(async () => {
      expect((await test.log.last(id))?.event.type).toBe('completed')
    })
    expect(ended).toBe(id)
    coordinator!.kill('SIGKILL')
    coordinatorTap.reset()
    expect(await test.client.get(id)).toMatchObject({ state: 'completed', result: 'orphan' })
    await eventually(async () => {
      expect(await test.pointers.has('medium', 'default', id)).toBe(false)
      const listed = await test.client.list({ state: 'completed' })
      expect(listed.tasks.map((task) => task.id)).toContain(id)
    }, GOES_ON_WITHIN_MS)
    const types = (await test.log.history(id)).map(({ event }) => event.type)
    expect(types).toEqual(['submitted', 'completed'])
  })
})
