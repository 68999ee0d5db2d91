import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { observeMachine } from '../src/doctor/observe.ts'
import {
  checkClock,
  checkFleet,
  checkMachine,
  checkNode,
  checkTable,
  checkVersion,
} from '../src/doctor/checks.ts'
import { uncoloured } from '../src/render/paint.ts'
import { fleetWith, pausedProvider } from './render/fleet-view.ts'

test('the command doctor reports an old version of Node.js as a problem, and another version of the gateway as a warning', () => {
  expect(['20.19.0', '20.20.2', '24.1.0'].map((v) => checkNode(v).result)).toEqual(
    Array.from({ length: 3 }, () => 'ok'),
  )
  expect(['18.20.0', '20.18.3'].map((v) => checkNode(v).result)).toEqual(['problem', 'problem'])
  expect(checkVersion('0.1.0', '0.1.0').result).toBe('ok')
  expect(checkVersion('0.1.0', '0.2.0')).toMatchObject({ result: 'warning' })
  expect(checkVersion('0.1.0', undefined).detail).toContain('does not say its version')
})

test('the command doctor reports a clock as a problem when the clock is far ahead or far behind', () => {
  const results = [0, 2_900, -2_900, 5_000, -5_000, 60_000, -60_000].map(
    (ms) => checkClock(ms).result,
  )
  expect(results).toEqual(['ok', 'ok', 'ok', 'warning', 'warning', 'problem', 'problem'])
})

test('the command doctor warns of limits of the machine that are too small, and omits limits that it cannot read', () => {
  const small = { openFilesMax: 1_024, diskFreeBytes: 1e8, memoryFreeBytes: 1e8 }
  expect(checkMachine(small).map(({ result }) => result)).toEqual(['warning', 'warning', 'warning'])
  const unknown = { openFilesMax: undefined, diskFreeBytes: undefined, memoryFreeBytes: 1e10 }
  expect(checkMachine(unknown)).toEqual([{ name: 'memory', result: 'ok', detail: '10.0 GB free' }])
})

test('the command doctor reads the free disk also before the first start, when the state folder does not exist', async () => {
  const { diskFreeBytes, memoryFreeBytes } = await observeMachine(join(tmpdir(), 'no-such-folder'))
  expect(diskFreeBytes).toBeGreaterThan(0)
  expect(memoryFreeBytes).toBeGreaterThan(0)
})

test('the command doctor warns of a fleet in which work flows although a node is not alive', () => {
  expect(checkFleet(fleetWith({ status: 'degraded' }))).toMatchObject([{ result: 'warning' }])
})

test('the command doctor reports and explains a fleet without a node and a provider that is closed for calls', () => {
  const fleet = fleetWith({
    status: 'no-available-nodes',
    explanation: 'no node is alive',
    providers: [pausedProvider({ lastError: { kind: 'status 401', agoMs: 1 } })],
  })
  const checks = [checkNode('20.19.0'), ...checkFleet(fleet)]
  expect(`\n${checkTable(checks, { paint: uncoloured, columns: undefined })}\n`)
    .toMatchInlineSnapshot(`
    "
    CHECK      RESULT   FOUND
    node       ok       Node.js 20.19.0
    fleet      problem  no node is alive
    providers  warning  the fleet pauses its calls to openai/gpt (status 401)

    fleet: Run "agentfleet incidents" to see how the fleet handles failed nodes.
    providers: Check the key and the address of the provider in PROVIDERS.
    "
  `)
})
