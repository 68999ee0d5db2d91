/** One replaced text. */
interface Edit {
  readonly file: string
  /** Occurs exactly once in the file. */
  readonly find: string
  readonly replace: string
}

/** One safeguard switched off, and the test that has to notice. */
export interface Mutation extends Edit {
  readonly name: string
  readonly safeguard: string
  /** The further edits of a safeguard that stands in several places. */
  readonly alsoEdits?: readonly Edit[]
  /** The file of the test that has to fail; omitted: the test file that mirrors the source file. */
  readonly test?: string
  /** Title of the test that has to fail. */
  readonly caughtBy: RegExp
  /** Pattern of its failure message; omitted: an assertion failed. */
  readonly because?: RegExp
}

/** How vitest says that an assertion failed. */
export const ASSERTION_FAILED = /expected/

/** Every edit of the mutation, in their order. */
export function editsOf(mutation: Mutation): readonly Edit[] {
  return [mutation, ...(mutation.alsoEdits ?? [])]
}

/** The file of the test that has to notice the mutation. */
export function testOf({ file, test }: Mutation): string {
  return test ?? file.replace('/src/', '/test/').replace(/\.ts$/, '.test.ts')
}
