/** The names of the invariants. */
export type Rule = 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8' | 'I9' | 'I10'

/** One breach of an invariant. */
export interface Violation {
  readonly rule: Rule
  readonly taskId: string
  readonly detail: string
}

/** Notes a breach of one task. */
export type Breach = (rule: Rule, detail: string) => void
