import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  adviceBounds,
  admitAdvice,
  analyseFailure,
  applyAdvice,
  FAILURE_ACTIONS,
  FAILURE_IMPACTS,
  FAILURE_LIMITS,
  FAILURE_PREVENTIONS,
  FAILURE_STRATEGIES,
  type FailureEvidence,
} from '../../src/index.ts'

const calm: FailureEvidence = {
  reason: 'connection-gone',
  silentMs: 1_500,
  phi: 9,
  last: { cpu: 0.3, memory: 0.4, lagMs: 5, active: 4, slots: 10 },
  uptimeMs: 3_600_000,
  successor: 'none',
  pattern: { ofNode: 1, ofHost: 1, ofFleet: 1, young: 0 },
  stranded: 4,
  notesReadable: true,
  freeCredits: 50,
  othersAlive: 9,
  capacityLost: 0.1,
  suspects: 0,
  recentReplacements: 0,
  orchestrator: { replaces: true, restarts: false },
}
const pattern = (change: Partial<FailureEvidence['pattern']>) => ({
  pattern: { ...calm.pattern, ...change },
})
const cluster = { replaces: true, restarts: true }
const seen = { gone: false, restarts: 0, outOfMemory: false }

describe('the action of recovery after a death', () => {
  test.each<[Partial<FailureEvidence>, string, string]>([
    [{}, 'replace', 'process-gone'],
    [{ orchestrator: { replaces: false, restarts: false } }, 'none', 'no-orchestrator'],
    [{ recentReplacements: 10 }, 'investigate', 'crash-loop'],
    [pattern({ young: 5 }), 'investigate', 'dies-young'],
    [{ ...pattern({ young: 5 }), suspects: 1 }, 'replace', 'process-gone'],
    [{ reason: 'ping-failed' }, 'investigate', 'may-resume'],
    [{ reason: 'consul-critical' }, 'investigate', 'may-resume'],
    [{ reason: 'silence' }, 'investigate', 'may-resume'],
    [{ successor: 'resumed' }, 'none', 'resumed'],
    [{ successor: 'restarted' }, 'none', 'restarted'],
    [{ orchestrator: cluster }, 'restart', 'first-death'],
    [{ orchestrator: cluster, ...pattern({ ofNode: 2 }) }, 'replace', 'died-again'],
    [
      { orchestrator: { ...cluster, process: { ...seen, restarts: 3 } } },
      'replace',
      'restarts-in-vain',
    ],
    [
      { orchestrator: { ...cluster, process: { ...seen, gone: true } } },
      'none',
      'replaced-already',
    ],
  ])('with the evidence %j is "%s" for the reason "%s"', (change, action, reason) => {
    expect(analyseFailure({ ...calm, ...change })).toMatchObject({ action, reason })
  })
})

describe('the strategy and the impact of a death', () => {
  test.each<[Partial<FailureEvidence>, string, string]>([
    [{}, 'spread', 'low'],
    [{ stranded: 0, successor: 'resumed' }, 'nothing-to-do', 'none'],
    [{ freeCredits: 0 }, 'hold-for-capacity', 'high'],
    [{ freeCredits: 3 }, 'spread', 'medium'],
    [{ suspects: 1 }, 'exclude-task', 'medium'],
    [{ capacityLost: 0.3 }, 'spread', 'medium'],
    [{ capacityLost: 0.5 }, 'spread', 'high'],
    [{ othersAlive: 0, freeCredits: 0 }, 'hold-for-capacity', 'high'],
    [{ stranded: 0, notesReadable: false }, 'nothing-to-do', 'medium'],
  ])('with the evidence %j are "%s" and "%s"', (change, strategy, impact) => {
    expect(analyseFailure({ ...calm, ...change })).toMatchObject({ strategy, impact })
  })
})

describe('the prevention of further deaths', () => {
  const last = calm.last!
  test.each<[Partial<FailureEvidence>, string[]]>([
    [{}, ['none']],
    [{ last: { ...last, memory: 0.95 } }, ['raise-memory']],
    [{ last: { ...last, memory: 0.95, active: 10 } }, ['raise-memory', 'lower-slots']],
    [{ orchestrator: { ...cluster, process: { ...seen, outOfMemory: true } } }, ['raise-memory']],
    [{ reason: 'silence', last: { ...last, lagMs: 900 } }, ['lower-slots']],
    [{ suspects: 2 }, ['stop-task']],
    [pattern({ ofNode: 3 }), ['quarantine-node']],
    [pattern({ ofHost: 3 }), ['quarantine-node']],
    [pattern({ young: 3 }), ['check-image']],
    [{ reason: 'silence', ...pattern({ ofFleet: 3 }) }, ['check-network']],
    [{ stranded: 90 }, ['add-nodes']],
  ])('with the evidence %j consists of %j', (change, prevention) => {
    expect(analyseFailure({ ...calm, ...change }).prevention).toEqual(prevention)
  })
})

const anyChange = fc.record({
  reason: fc.constantFrom('connection-gone', 'ping-failed', 'silence', 'restarted'),
  successor: fc.constantFrom('none', 'resumed', 'restarted'),
  recentReplacements: fc.nat(20),
  stranded: fc.nat(20),
  suspects: fc.nat(3),
  orchestrator: fc.record({ replaces: fc.boolean(), restarts: fc.boolean() }),
})
const anyEvidence = anyChange.map((change): FailureEvidence => ({ ...calm, ...change }))
const anyAdvice = fc.record({
  action: fc.constantFrom(...FAILURE_ACTIONS),
  strategy: fc.constantFrom(...FAILURE_STRATEGIES),
  impact: fc.constantFrom(...FAILURE_IMPACTS),
  prevention: fc.array(fc.constantFrom(...FAILURE_PREVENTIONS), { maxLength: 4 }),
})

describe('advice about a death', () => {
  test('may replace only a process that is certainly gone, and only within the maximum number of replacements', () => {
    fc.assert(
      fc.property(anyEvidence, anyAdvice, (evidence, advice) => {
        const policy = analyseFailure(evidence)
        const { answer } = admitAdvice(policy, advice, adviceBounds(evidence))
        const after = applyAdvice(policy, answer)
        if (after.action === 'replace') {
          expect(evidence).toMatchObject({ reason: 'connection-gone', successor: 'none' })
          expect(evidence.orchestrator.replaces).toBe(true)
          expect(evidence.recentReplacements).toBeLessThan(FAILURE_LIMITS.replacementsMax)
        }
        expect([policy.action, 'investigate', 'replace']).toContain(after.action)
      }),
    )
  })

  test('never reduces the impact that the policy has found, and never removes a preventive measure of the policy', () => {
    fc.assert(
      fc.property(anyEvidence, anyAdvice, (evidence, advice) => {
        const policy = analyseFailure(evidence)
        const after = applyAdvice(
          policy,
          admitAdvice(policy, advice, adviceBounds(evidence)).answer,
        )
        expect(FAILURE_IMPACTS.indexOf(after.impact)).toBeGreaterThanOrEqual(
          FAILURE_IMPACTS.indexOf(policy.impact),
        )
        const kept = policy.prevention.filter((name) => name !== 'none')
        expect(after.prevention).toEqual(expect.arrayContaining(kept))
        expect(after.prevention.length).toBeLessThanOrEqual(4)
      }),
    )
  })

  test('is clamped to the allowed choices, and the clamped choices are listed', () => {
    const evidence = { ...calm, reason: 'silence' }
    const policy = analyseFailure(evidence)
    const advice = { action: 'replace', strategy: 'nothing-to-do', impact: 'none' } as const
    const { answer, clamped } = admitAdvice(
      policy,
      { ...advice, prevention: [] },
      adviceBounds(evidence),
    )
    expect(answer).toMatchObject({ action: 'investigate', strategy: 'spread', impact: 'low' })
    expect(clamped.map(({ field }) => field)).toEqual(['action', 'strategy', 'impact'])
  })
})
