import { expect } from 'vitest'
import { testsOn, until, type Ground } from './conformance-ground.ts'
import { declareLog } from './conformance-log.ts'
import { declarePointers } from './conformance-pointers.ts'

/**
 * The properties of log, queue and bus that the protocol relies on. The server in memory, which the
 * simulation uses, and nats-server pass the same tests, both through the adapters of the product.
 */
export function declareConformance(ground: () => Ground): void {
  declareLog(ground)
  declarePointers(ground)
  declareBus(ground)
}

function declareBus(ground: () => Ground): void {
  const on = testsOn(ground)

  on(
    'one member of a queue group answers; no responders and a silent one are different outcomes',
    async (bus, connect) => {
      const heard: string[] = []
      for (const name of ['member-1', 'member-2']) {
        const member = await connect(name)
        member.subscribe(
          'group.ask',
          (message) => {
            heard.push(name)
            message.respond(name)
          },
          { queue: 'group' },
        )
        expect(await member.roundTrip(20_000)).toBe(true)
      }
      const reply = await bus.request('group.ask', '', 2_000)
      expect(reply).toEqual({ kind: 'reply', text: heard[0] })
      expect(heard).toHaveLength(1)
      expect(await bus.request('nobody.there', '', 2_000)).toEqual({ kind: 'no-responders' })
      bus.subscribe('silent.one', () => undefined)
      expect(await bus.request('silent.one', '', 300)).toEqual({ kind: 'timeout' })
    },
  )

  on('every subscription that matches a subject gets the message', async (bus, connect) => {
    const heard: string[] = []
    const other = await connect('other')
    other.subscribe('node.*.heartbeat', (message) => void heard.push(`star ${message.text()}`))
    other.subscribe('node.n1.heartbeat', (message) => void heard.push(`exact ${message.text()}`))
    const closed = other.subscribe('node.n1.>', (message) => void heard.push(message.text()))
    closed.close()
    await other.roundTrip(20_000)
    bus.publish('node.n1.heartbeat', 'a')
    bus.publish('node.n2.heartbeat', 'b')
    await until(() => heard.length >= 3)
    expect([...heard].sort()).toEqual(['exact a', 'star a', 'star b'])
  })
}
