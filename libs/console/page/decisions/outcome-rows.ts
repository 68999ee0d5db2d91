import type { DecisionView } from '@agentfleet/protocol'

type Figure = DecisionView['inputs'][string]

/** One figure of a decision: when the service decided, as it chose it, and as it was measured later. */
export interface OutcomeRow {
  readonly name: string
  readonly seen: Figure | undefined
  readonly expected: Figure | undefined
  /** In the order of the measurements of the decision. */
  readonly measured: readonly (Figure | undefined)[]
}

/** Returns a row for each figure that the choice names or a measurement has; none before the first measurement. */
export function outcomeRows(
  decision: Pick<DecisionView, 'kind' | 'inputs' | 'options' | 'outcomes'>,
): readonly OutcomeRow[] {
  const { kind, inputs, options, outcomes } = decision
  if (outcomes.length === 0) return []
  const expected = options.find((option) => option.kind === kind)?.figures ?? {}
  const names = [expected, ...outcomes.map(({ figures }) => figures)].flatMap(Object.keys)
  return [...new Set(names)].map((name) => ({
    name,
    seen: inputs[name],
    expected: expected[name],
    measured: outcomes.map(({ figures }) => figures[name]),
  }))
}
