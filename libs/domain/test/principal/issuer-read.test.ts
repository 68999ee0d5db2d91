import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decideIssuerRead, type IssuerState } from '../../src/principal/issuer-read.ts'

const HOUR_MS = 3_600_000
const UNREAD: IssuerState = { readAtMs: undefined, askedAtMs: undefined, failed: false }
const READ: IssuerState = { readAtMs: 0, askedAtMs: 0, failed: false }
const FAILED: IssuerState = { readAtMs: 0, askedAtMs: HOUR_MS, failed: true }

test.each([
  { state: UNREAD, known: false, nowMs: 0, kind: 'read' },
  {
    state: { ...UNREAD, askedAtMs: 0, failed: true },
    known: false,
    nowMs: 999,
    kind: 'unavailable',
  },
  { state: { ...UNREAD, askedAtMs: 0, failed: true }, known: false, nowMs: 1_000, kind: 'read' },
  { state: READ, known: true, nowMs: 599_999, kind: 'use' },
  { state: READ, known: true, nowMs: 600_000, kind: 'use-and-read' },
  { state: READ, known: false, nowMs: 9_999, kind: 'use' },
  { state: READ, known: false, nowMs: 10_000, kind: 'read' },
  { state: FAILED, known: true, nowMs: HOUR_MS + 1, kind: 'use' },
  { state: FAILED, known: false, nowMs: HOUR_MS + 1, kind: 'unavailable' },
  { state: FAILED, known: true, nowMs: HOUR_MS + 10_000, kind: 'use-and-read' },
  { state: FAILED, known: true, nowMs: 24 * HOUR_MS, kind: 'read' },
] as const)(
  'the gateway decides "$kind" after $nowMs ms for a token whose key is known: $known',
  ({ state, known, nowMs, kind }) => {
    expect(decideIssuerRead(state, known, nowMs).kind).toBe(kind)
  },
)

test('tokens with unknown keys never make the gateway ask the issuer more often than every 10 s, or every second while it has no keys (L7)', () => {
  const token = fc.record({ gapMs: fc.integer({ min: 0, max: 20_000 }), known: fc.boolean() })
  fc.assert(
    fc.property(fc.array(token), fc.array(fc.boolean()), (tokens, failures) => {
      let state = UNREAD
      let nowMs = 0
      let asked = 0
      for (const { gapMs, known } of tokens) {
        nowMs += gapMs
        const held = state.readAtMs !== undefined
        const { kind } = decideIssuerRead(state, held && known, nowMs)
        if (kind !== 'read' && kind !== 'use-and-read') continue
        const pauseMs = held ? 10_000 : 1_000
        if (state.askedAtMs !== undefined)
          expect(nowMs - state.askedAtMs).toBeGreaterThanOrEqual(pauseMs)
        const failed = failures[asked] ?? false
        asked += 1
        state = { readAtMs: failed ? state.readAtMs : nowMs, askedAtMs: nowMs, failed }
      }
    }),
    { seed: 15 },
  )
})
