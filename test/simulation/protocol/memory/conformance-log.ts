import { PLAIN_SPEC } from '@agentfleet/testkit'
import type { TaskEvent } from '@agentfleet/domain'
import { CHANNELS, STREAMS, subjectOf, SUBJECTS } from '@agentfleet/protocol'
import { expect } from 'vitest'
import {
  createAppender,
  openTaskLog,
  tailLog,
  type Bus,
  type Logger,
  type TailedEvent,
} from '../../../../libs/adapters/src/index.ts'
import { pause, testsOn, until, type Ground } from './conformance-ground.ts'

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const WITHIN = { deadlineMs: 5_000 }
const SUBMITTED: TaskEvent = {
  type: 'submitted',
  atMs: 1,
  tenant: 't',
  spec: PLAIN_SPEC,
  specHash: 'h',
}
const CANCELLED: TaskEvent = { type: 'cancelled', atMs: 2, reason: 'r' }

/** The properties of the log that the protocol relies on. */
export function declareLog(ground: () => Ground): void {
  declareAppends(ground)
  declareReading(ground)
}

function declareAppends(ground: () => Ground): void {
  const on = testsOn(ground)

  on(
    'an append is refused unless its writer has seen the last event of its subject',
    async (bus) => {
      const log = openTaskLog(bus)
      const first = await log.append('cas', SUBMITTED, {
        expectSeq: 0,
        messageId: 'cas-1',
        ...WITHIN,
      })
      expect(first).toMatchObject({ kind: 'stored', duplicate: false })
      const seq = seqOf(first)
      for (const expectSeq of [0, seq + 1, seq - 1]) {
        const messageId = `cas-wrong-${expectSeq}`
        const refused = await log.append('cas', CANCELLED, { expectSeq, messageId, ...WITHIN })
        expect(refused).toEqual({ kind: 'conflict' })
      }
      const next = await log.append('cas', CANCELLED, {
        expectSeq: seq,
        messageId: 'cas-2',
        ...WITHIN,
      })
      expect(seqOf(next)).toBeGreaterThan(seq)
      expect((await log.history('cas')).map(({ event }) => event.type)).toEqual([
        'submitted',
        'cancelled',
      ])
    },
  )

  on('a refused append says 10071', async (bus) => {
    const appender = createAppender(bus)
    const subject = SUBJECTS.log('code')
    const told = new Promise<string>((resolve) => {
      bus.subscribe('told.here', (message) => resolve(message.text()))
    })
    await appender.append({ subject, data: JSON.stringify(SUBMITTED), expectSeq: 0, ...WITHIN })
    const { post } = bus
    // The publish of the appender, with its answer in a readable place.
    let sent: Parameters<typeof post>[0] | undefined
    const spy: Bus = { ...bus, post: (message) => (sent = message) === message }
    void createAppender(spy).append({ subject, data: '{}', expectSeq: 0, ...WITHIN })
    if (sent !== undefined) post({ ...sent, reply: 'told.here' })
    expect(JSON.parse(await told)).toMatchObject({ error: { code: 400, err_code: 10071 } })
  })

  on('one of many writers that race wins', async (bus) => {
    const log = openTaskLog(bus)
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, writer) =>
        log.append('race', SUBMITTED, { expectSeq: 0, messageId: `race-${writer}`, ...WITHIN }),
      ),
    )
    expect(outcomes.filter(({ kind }) => kind === 'stored')).toHaveLength(1)
    expect(outcomes.filter(({ kind }) => kind === 'conflict')).toHaveLength(7)
  })

  on(
    'a repeated message id is a duplicate, even after other appends to the subject',
    async (bus) => {
      const appender = createAppender(bus)
      const append = (messageId: string, expectSeq: number) =>
        appender.append({
          subject: SUBJECTS.log('twice'),
          data: JSON.stringify(SUBMITTED),
          expectSeq,
          messageId,
          ...WITHIN,
        })
      const first = await append('twice-1', 0)
      expect(first).toMatchObject({ kind: 'stored', duplicate: false })
      const seq = seqOf(first)
      expect(await append('twice-2', seq)).toMatchObject({ kind: 'stored', duplicate: false })
      expect(await append('twice-1', 0)).toEqual({ kind: 'stored', seq, duplicate: true })
      // A refused append is not remembered: it may be sent again with a newer expected sequence.
      expect(await append('twice-3', 0)).toEqual({ kind: 'conflict' })
      expect(await append('twice-3', seqOf(await lastOf(bus, 'twice')))).toMatchObject({
        kind: 'stored',
        duplicate: false,
      })
    },
  )
}

function declareReading(ground: () => Ground): void {
  const on = testsOn(ground)

  on('a follower reads the events of all writers once and in order', async (bus, connect) => {
    const seen: TailedEvent[] = []
    const tail = tailLog(bus, {
      afterSeq: 0,
      log: SILENT,
      receive: (event) => void seen.push(event),
    })
    const writers = await Promise.all([connect('writer-1'), connect('writer-2')])
    await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        openTaskLog(writers[index % 2]!).append(`order-${index}`, SUBMITTED, {
          expectSeq: 0,
          messageId: `order-${index}`,
          ...WITHIN,
        }),
      ),
    )
    await tail.caughtUp()
    const seqs = seen.map(({ seq }) => seq)
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b))
    expect(seen.filter(({ taskId }) => taskId.startsWith('order-'))).toHaveLength(40)
    await tail.close()
  })

  on('a stored event is republished with its sequence, a refused one is not', async (bus) => {
    const live: { readonly seq: number; readonly text: string }[] = []
    bus.subscribe(subjectOf(CHANNELS.live, { taskId: 'seen' }), (message) => {
      live.push({ seq: message.seq, text: message.text() })
    })
    const log = openTaskLog(bus)
    const stored = await log.append('seen', SUBMITTED, {
      expectSeq: 0,
      messageId: 'seen-1',
      ...WITHIN,
    })
    await log.append('seen', CANCELLED, { expectSeq: 0, messageId: 'seen-2', ...WITHIN })
    await log.append('seen', SUBMITTED, { expectSeq: 0, messageId: 'seen-1', ...WITHIN })
    await until(() => live.length > 0)
    await pause(100)
    expect(live.map(({ seq }) => seq)).toEqual([seqOf(stored)])
    expect(JSON.parse(live[0]?.text ?? '')).toMatchObject(SUBMITTED)
  })

  on('a purge up to a sequence keeps that event and all later ones', async (bus) => {
    const log = openTaskLog(bus)
    const append = (taskId: string) =>
      log.append(taskId, SUBMITTED, { expectSeq: 0, messageId: taskId, ...WITHIN })
    await append('purged')
    const kept = seqOf(await append('kept'))
    const subject = `$JS.API.STREAM.PURGE.${STREAMS.log}`
    const answer = await bus.request(subject, JSON.stringify({ seq: kept }), 5_000)
    expect(answer.kind).toBe('reply')
    expect(await log.last('purged')).toBeUndefined()
    expect(await log.last('kept')).toMatchObject({ seq: kept })
    expect(await log.fill()).toMatchObject({ firstSeq: kept, lastSeq: kept, messages: 1 })
    // A purged history is forgotten: the subject begins again, with higher sequences.
    const options = { expectSeq: 0, messageId: 'purged-again', ...WITHIN }
    expect(seqOf(await log.append('purged', SUBMITTED, options))).toBe(kept + 1)
  })
}

function seqOf(outcome: { readonly kind: string; readonly seq?: number }): number {
  if (outcome.kind !== 'stored' || outcome.seq === undefined) {
    throw new Error(`it is not stored: ${JSON.stringify(outcome)}`)
  }
  return outcome.seq
}

async function lastOf(bus: Bus, taskId: string): Promise<{ kind: string; seq: number }> {
  const last = await openTaskLog(bus).last(taskId)
  return { kind: 'stored', seq: last?.seq ?? 0 }
}
