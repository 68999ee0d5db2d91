/** One safeguard switched off, and the test that has to notice. */
export interface Mutation {
  readonly name: string
  readonly safeguard: string
  readonly edits: readonly {
    readonly file: string
    /** Occurs exactly once in the file. */
    readonly find: string
    readonly replace: string
  }[]
  /** Test files to run. */
  readonly tests: readonly string[]
  /** Title of the test that has to fail. */
  readonly caughtBy: RegExp
  /** Pattern of its failure message. */
  readonly because: RegExp
}
