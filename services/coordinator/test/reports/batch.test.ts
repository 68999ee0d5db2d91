import { PLAIN_SPEC } from '@agentfleet/testkit'
import type { Outcome, ReportItem } from '@agentfleet/protocol'
import { describe, expect, test } from 'vitest'
import { handleBatch, type BatchDeps } from '../../src/reports/batch.ts'
import { createRoom } from '../../src/reports/room.ts'

const MIB = 1024 ** 2
const base = { claim: 'c', reportId: 'r' }
const begin = (taskId: string): ReportItem => ({ op: 'begin', taskId, ...base })
const own = (taskId: string): ReportItem => ({ op: 'own', taskId, ...base, expect: 1, attempt: 1 })
const spec = PLAIN_SPEC
const begun = (chars: number): Outcome => ({
  kind: 'begun',
  seq: 1,
  attempt: 1,
  spec: { ...spec, task: 'x'.repeat(chars) },
  calls: [],
  deadlineAtMs: 1,
})

/** A report handler whose `begun` outcomes have this many characters. */
function depsOf(chars: (taskId: string) => number) {
  const ended: string[] = []
  let beginning = 0
  let most = 0
  const deps: BatchDeps = {
    payloadMax: () => 8 * MIB,
    reserve: () => true,
    async handle({ op, taskId }) {
      if (op !== 'begin') return { kind: 'committed', seq: 1 }
      beginning += 1
      most = Math.max(most, beginning)
      await new Promise(setImmediate)
      beginning -= 1
      return begun(chars(taskId))
    },
    async tooLarge({ taskId }) {
      ended.push(taskId)
      return { kind: 'finished' }
    },
  }
  return { deps, ended, most: () => most }
}

const kindsOf = (outcomes: readonly Outcome[]): string[] => outcomes.map(({ kind }) => kind)

describe('a batch of reports', () => {
  test('gets one outcome for each report, and only an unreadable report is rejected', async () => {
    const { deps } = depsOf(() => 1)
    const outcomes = await handleBatch([own('a'), undefined, begin('c'), own('d')], deps)
    expect(kindsOf(outcomes)).toEqual(['committed', 'rejected', 'begun', 'committed'])
    expect(outcomes[1]).toMatchObject({ error: { code: 'report-invalid' } })
  })

  test('gets an answer with a bounded number of bytes, which asks the node to repeat the other reports', async () => {
    const { deps, most } = depsOf(() => 400_000)
    const items = Array.from({ length: 150 }, (_, at) => begin(`t${at}`))
    let left = items
    let rounds = 0
    while (left.length > 0) {
      const outcomes = await handleBatch([own('other'), ...left], deps)
      expect(outcomes[0]).toEqual({ kind: 'committed', seq: 1 })
      expect(Buffer.byteLength(JSON.stringify(outcomes))).toBeLessThan(9 * MIB)
      const rest = left.filter((_, at) => outcomes[at + 1]?.kind === 'unavailable')
      expect(rest.length).toBeLessThan(left.length)
      left = rest
      rounds += 1
    }
    expect(rounds).toBe(8)
    expect(most()).toBeLessThanOrEqual(32)
  })

  test('begins only as many tasks as the coordinator has memory for their histories, and the node asks again for the others (L7)', async () => {
    const room = createRoom(MIB)
    const { deps } = depsOf(() => 10)
    const reserve = () => room.take(100_000, 'n1')
    const items = Array.from({ length: 9 }, (_, at) => begin(`t${at}`))
    const outcomes = await handleBatch(items, { ...deps, reserve })
    expect(kindsOf(outcomes).filter((kind) => kind === 'begun')).toHaveLength(5)
    room.give(500_000, 'n1')
    // A history that is larger than all the room begins alone.
    expect(room.take(5 * MIB, 'n1')).toBe(true)
    expect(room.take(1, 'n2')).toBe(false)
  })

  test('one node cannot take the room for the reports of all nodes (L9)', () => {
    const room = createRoom(1_000)
    while (room.take(10, 'liar'));
    expect(room.used()).toBe(500)
    expect(room.take(100, 'n1')).toBe(true)
    expect(room.take(100, 'n1')).toBe(true)
    expect(room.take(250, 'n2')).toBe(true)
    room.give(500, 'liar')
    expect(room.take(300, 'liar')).toBe(true)
  })

  test('fails a task whose history is too large for one message, and the other tasks begin', async () => {
    const { deps, ended } = depsOf((taskId) => (taskId === 'large' ? 8 * MIB : 10))
    const outcomes = await handleBatch([begin('a'), begin('large'), begin('c')], deps)
    expect(kindsOf(outcomes)).toEqual(['begun', 'finished', 'begun'])
    expect(ended).toEqual(['large'])
  })
})
