import type { Mutation } from './mutation.ts'

/** Faults in the answers of providers. */
export const PROVIDERS: readonly Mutation[] = [
  {
    name: 'line-max',
    safeguard: 'an event of an answer is only so large (L7)',
    edits: [
      {
        file: 'services/worker/src/provider/answer/framing.ts',
        find: 'maxBufferSize: charactersMax,',
        replace: 'maxBufferSize: Infinity,',
      },
      {
        file: 'services/worker/src/provider/answer/framing.ts',
        find: 'if (data.length > charactersMax)',
        replace: 'if (data.length > Infinity)',
      },
    ],
    tests: ['services/worker/test/provider/framing.test.ts'],
    caughtBy: /with an event above the size limit is read only up to/,
    because: /to deeply equal/,
  },
  {
    name: 'finish-cut',
    safeguard: 'an answer that was cut is not a success',
    edits: [
      {
        file: 'services/worker/src/provider/answer/conclusion.ts',
        find: "if (ending === 'cut') return",
        replace: "if (ending === 'broken' && said) return",
      },
    ],
    tests: ['services/worker/test/provider/answer.test.ts'],
    caughtBy: /when it was cut by length/,
    because: /kind: 'answered'|answer-cut/,
  },
  {
    name: 'whole-answer-kept',
    safeguard: 'a whole answer stays whole whatever follows it',
    edits: [
      {
        file: 'services/worker/src/provider/answer/conclusion.ts',
        find: 'if (failure !== undefined && !whole) return failed(failure)',
        replace: 'if (failure !== undefined) return failed(failure)',
      },
    ],
    tests: ['services/worker/test/provider/answer.test.ts'],
    caughtBy: /behind an error event that follows the end/,
    because: /kind: 'failed'|answered/,
  },
  {
    name: 'usage-plausible',
    safeguard: 'an impossible report of usage is estimated instead',
    edits: [
      {
        file: 'services/worker/src/provider/answer/usage.ts',
        find: '!(number >= 0 && number <= TOKENS_MAX)',
        replace: '!(number >= -Infinity)',
      },
    ],
    tests: ['services/worker/test/provider/usage.test.ts'],
    caughtBy: /huge|negative/,
    because: /to match object/,
  },
  {
    name: 'keys-hidden',
    safeguard: 'no message of a provider shows a key',
    edits: [
      {
        file: 'services/worker/src/provider/safe-message.ts',
        find: "text.replace(secret, '[key]')",
        replace: 'text.replace(secret, (found) => found)',
      },
    ],
    tests: ['services/worker/test/provider/errors.test.ts'],
    caughtBy: /leads to a failure that contains no API key/,
    because: /sk-secret/,
  },
  {
    name: 'commits-in-turn',
    safeguard: 'commits of one run are in order although its tools run side by side (L3)',
    edits: [
      {
        file: 'services/worker/src/run/tool-turn.ts',
        find: 'const committed = commits.then(() => commit(run, entry, deps))',
        replace: 'const committed = commit(run, entry, deps)',
      },
    ],
    tests: ['services/worker/test/run/tool-turn.test.ts'],
    caughtBy: /run in parallel, and each call is journaled/,
    because: /expected 2 to be 1/,
  },
]
