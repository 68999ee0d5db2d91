import { expect, test } from 'vitest'
import { decideTrim, type TrimSnapshot } from '../../src/task/trim.ts'

const LOG: TrimSnapshot = {
  firstSeq: 100,
  lastSeq: 20_000,
  messages: 19_901,
  fill: 0.1,
  expiredSeq: 10_000,
  keepFrom: 100,
  kept: 0,
}

test('all events before the oldest needed event are purged before a compaction is considered', () => {
  expect(decideTrim({ ...LOG, keepFrom: 5_000 })).toMatchObject({ kind: 'purge', before: 5_000 })
})

test('a compaction of the log removes expired events that follow the events of an old unfinished task', () => {
  expect(decideTrim(LOG)).toEqual({ kind: 'compact', reason: 'expired', from: 100, to: 10_000 })
})

test('events that the last compaction of the log kept do not cause another compaction', () => {
  const after = { ...LOG, messages: 10_050, kept: 50 }
  expect(decideTrim(after)).toEqual({ kind: 'nothing', reason: 'needed' })
  expect(decideTrim({ ...after, messages: 10_550 })).toMatchObject({ reason: 'little-expired' })
  expect(decideTrim({ ...after, messages: 11_050 })).toMatchObject({ kind: 'compact' })
})

test('a compaction of the log that would read far more events than it removes is delayed', () => {
  const many = { ...LOG, messages: 20_000, expiredSeq: 10_000, kept: 9_000 }
  expect(decideTrim(many)).toMatchObject({ kind: 'nothing', reason: 'little-expired' })
})

test('a compaction of the log for only a few large events happens only if the log is half full', () => {
  const few = { ...LOG, messages: 10_051, kept: 0, fill: 0.5 }
  expect(decideTrim(few)).toMatchObject({ kind: 'compact', reason: 'filling' })
})

test('trimming the log never removes the last event of the log', () => {
  expect(decideTrim({ ...LOG, expiredSeq: 20_000 })).toMatchObject({ to: 19_999 })
})
