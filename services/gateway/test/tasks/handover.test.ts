import type { Bus } from '@agentfleet/adapters'
import type { Balancer, Pointer } from '@agentfleet/protocol'
import { manualClock } from '@agentfleet/runtime'
import { expect, test } from 'vitest'
import { createHandover } from '../../src/tasks/handover.ts'

const POINTER = { taskId: 't', tenant: 'acme', spec: {} } as Pointer

/** A handover, the announcements of load balancers, and where its tasks went. */
function bench() {
  const clock = manualClock()
  let announce: (hint: Balancer) => void = () => undefined
  const sent = { directly: 0, queued: 0 }
  const bus = {
    on: (_channel: unknown, heard: typeof announce) => {
      announce = heard
      return { close: () => undefined }
    },
    send: () => (sent.directly += 1) > 0,
  } as Pick<Bus, 'on' | 'send'>
  const pointers = { issue: () => void (sent.queued += 1) }
  const handover = createHandover({ bus, pointers, monotonicMs: clock.monotonicMs })
  return {
    clock,
    sent,
    say: (id: string, part: Partial<Balancer>) => announce({ id, room: true, since: 0, ...part }),
    async pass() {
      handover.pass(POINTER, 'medium')
      await new Promise(setImmediate)
    },
  }
}

test('tasks of a tenant that is at its limit at one load balancer go to the queue until this load balancer has died', async () => {
  const { clock, sent, say, pass } = bench()
  say('living', {})
  say('dead', { full: ['acme'] })
  await pass()
  expect(sent).toEqual({ directly: 0, queued: 1 })
  clock.advance(2_000)
  say('living', {})
  await pass()
  expect(sent).toEqual({ directly: 1, queued: 1 })
})
