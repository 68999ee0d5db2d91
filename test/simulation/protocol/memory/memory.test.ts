/** The log and the queue in memory have the properties that the protocol relies on. */
import { afterAll, beforeAll } from 'vitest'
import { provisionStreams, type Logger } from '../../../../libs/adapters/src/index.ts'
import { declareConformance } from './conformance.ts'
import type { Ground } from './conformance-ground.ts'
import { connectMemoryBus } from './bus.ts'
import { createMemoryNats, processOf } from './server.ts'
import { chanceOf } from '../time/random.ts'
import { openVirtualMachine, type VirtualMachine } from '../time/virtual-time.ts'

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const MIB = 1024 ** 2
const SIZES = { logMaxBytes: 64 * MIB, tasksMaxBytes: 64 * MIB, opsMaxBytes: MIB, replicas: 1 }
const ENDED_WITHIN_MS = 60_000

let machine: VirtualMachine
let ground: Ground
beforeAll(async () => {
  machine = openVirtualMachine()
  ground = openGround(machine)
  await ground.inside(async () => {
    const bus = await ground.connect('setup')
    await provisionStreams(bus, SIZES, SILENT)
  })
})
afterAll(() => machine.close())

declareConformance(() => ground)

function openGround(of: VirtualMachine): Ground {
  const time = of.restart()
  const chance = chanceOf(1)
  const server = createMemoryNats(time, chance, () => ({ lost: false, twice: false, lateMs: 0 }))
  const test = processOf('test', chance)
  return {
    connect: async (name) =>
      connectMemoryBus(server, processOf(name, chance), (_subject, run) => run(), SILENT),
    async inside(body) {
      let ended: { readonly error?: unknown } | undefined
      time.at(time.nowMs(), test, () => {
        body().then(
          () => (ended = {}),
          (error: unknown) => (ended = { error }),
        )
      })
      await time.run(() => ended !== undefined, time.nowMs() + ENDED_WITHIN_MS)
      if (ended === undefined) throw new Error('the test does not end')
      if ('error' in ended) throw ended.error
    },
  }
}
