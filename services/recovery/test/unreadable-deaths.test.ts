import { DEATH_CONSUMER, FORMATS, STREAMS, SUBJECTS } from '@agentfleet/protocol'
import { eventually } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { startWorld } from './support.ts'

test('recovery skips an unreadable death, leaves the death of a newer release to that release, and handles the next death', async () => {
  await using world = await startWorld()
  await world.recovery()
  const format = FORMATS['control-plane record'] + 1
  for (const text of ['{nonsense', 'null', '{"nodeId":1}', JSON.stringify('x'.repeat(100_000))]) {
    world.bus.publish(SUBJECTS.opsNode('torn'), text)
  }
  world.bus.publish(SUBJECTS.opsNode('newer'), JSON.stringify({ format }))
  await world.death('n1')
  await eventually(() => expect(world.incidentOf('n1')?.state).toBe('closed'), 20_000)
  const manager = await world.bus.nats.jetstreamManager()
  await eventually(async () => {
    const consumer = await manager.consumers.info(STREAMS.ops, DEATH_CONSUMER)
    expect(consumer).toMatchObject({ num_pending: 0, num_ack_pending: 1, num_redelivered: 1 })
  }, 20_000)
  expect(world.stagesOf('newer')).toEqual([])
}, 60_000)
