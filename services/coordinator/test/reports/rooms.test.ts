import type { ReportItem } from '@agentfleet/protocol'
import { array, assert as check, constantFrom, integer, property, record } from 'fast-check'
import { expect, test } from 'vitest'
import { createReportRooms, REPORTS_MAX_BYTES } from '../../src/reports/rooms.ts'

const KIB = 1024
const MIB = 1024 * KIB
/** The history of a task with the results of the tasks that it waited for. */
const BEGIN_BYTES = 4 * MIB + 100 * KIB

const itemOf = (op: 'begin' | 'own', tenant: string): ReportItem =>
  ({ op, taskId: tenant, claim: 'c', reportId: 'r', expect: 1, attempt: 1 }) as ReportItem

const roomsOf = (tenants: number) =>
  createReportRooms({
    tenantOf: ({ taskId }) => taskId,
    bytesToBegin: () => BEGIN_BYTES,
    tenants: () => tenants,
  })

/** What the nodes of a fleet send for a loud tenant. */
const message = record({
  node: integer({ min: 0, max: 39 }),
  bytes: constantFrom(100 * KIB, MIB, 3 * MIB, 8 * MIB),
  begins: integer({ min: 0, max: 3 }),
})

test('the reports of a quiet tenant find room at every node, however many large reports and histories of another tenant are under way (L7)', () => {
  check(
    property(
      array(message, { maxLength: 200, size: 'max' }),
      integer({ min: 0, max: 39 }),
      constantFrom('small', 'large', 'begin'),
      (loud, node, kind) => {
        const rooms = roomsOf(2)
        for (const { node: at, bytes, begins } of loud) {
          const visit = rooms.enter([itemOf('own', 'loud')], bytes, `n${at}`)
          for (let begun = 0; begun < begins; begun += 1) visit?.reserve(itemOf('begin', 'loud'))
        }
        const quiet = itemOf(kind === 'begin' ? 'begin' : 'own', 'quiet')
        const visit = rooms.enter([quiet], kind === 'large' ? 2 * MIB : 2 * KIB, `n${node}`)
        expect(visit?.admits(quiet)).toBe(true)
        if (kind === 'begin') expect(visit?.reserve(quiet)).toBe(true)
      },
    ),
    { numRuns: 500 },
  )
})

test('a node that reports for many tenants leaves room for the other nodes (L9)', () => {
  const rooms = roomsOf(100)
  for (let at = 0; at < 100; at += 1) {
    const item = itemOf('begin', `tenant-${at}`)
    rooms.enter([item], MIB, 'hostile')?.reserve(item)
  }
  const item = itemOf('begin', 'quiet')
  const visit = rooms.enter([item], MIB, 'n1')
  expect(visit?.admits(item)).toBe(true)
  expect(visit?.reserve(item)).toBe(true)
})

test('a message with large reports of two tenants gets outcomes for the tenant that has room', () => {
  const rooms = roomsOf(2)
  const loud = itemOf('own', 'loud')
  const quiet = itemOf('own', 'quiet')
  expect(rooms.enter([loud], REPORTS_MAX_BYTES / 2, 'n1')?.admits(loud)).toBe(true)
  const both = rooms.enter([loud, quiet], 2 * MIB, 'n2')
  expect([both?.admits(loud), both?.admits(quiet)]).toEqual([false, true])
})

test('what a message has taken is free again when it is left, and one tenant alone may use the share of its node', () => {
  const several = roomsOf(2)
  const alone = roomsOf(1)
  const item = itemOf('begin', 'loud')
  for (const rooms of [several, alone]) {
    for (let round = 0; round < 100; round += 1) {
      const visit = rooms.enter([item, item, item], 4 * MIB, 'n1')
      expect(visit?.reserve(item)).toBe(true)
      visit?.leave()
      expect(rooms.used()).toBe(0)
    }
  }
  for (const node of ['n1', 'n2', 'n3']) {
    expect(alone.enter([item], 3 * MIB, node)?.admits(item)).toBe(true)
  }
  expect(several.enter([item], 6 * MIB, 'n1')?.admits(item)).toBe(true)
  expect(several.enter([item], 6 * MIB, 'n2')).toBeUndefined()
})
