/**
 * Makes docs/reference/error-codes.md from the table of failure codes; with `--check` it only says whether
 * the page is out of date (exit code 1). It reads the build: run `npx tsc -b` first.
 */
import { FAILURE_CODES, RETRY_POLICIES } from '@agentfleet/domain'
import { writeGenerated } from './generated-file.mjs'

const NOTE =
  'Generated from libs/domain/src/failure/failure-codes.ts by `npm run document --prefix libs/protocol`; change that file instead.'

const entries = Object.entries(FAILURE_CODES)
const having = (part) => entries.filter(([, entry]) => entry[part] !== undefined)
const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
const seconds = (ms) => `${ms / 1_000} s`

const text = `<!-- ${NOTE} -->

# Error codes

A code is stable: programs may decide by it. The message of an error is for people and may change.

## Of failed tasks

The first table lists the codes that a failed task can have in \`error.code\`. If \`Repeated\` is \`yes\`, the fleet repeats the task while \`maxAttempts\` and the lifetime of the task allow
this. The second table says for each class of failures how long the fleet waits before it repeats the task. After \`tool-failed\` the tool itself says whether the fleet may repeat the task.

${table(
  ['Code', 'Repeated', 'Class', 'Meaning'],
  having('task').map(([code, { task, says }]) => [
    `\`${code}\``,
    task.retryable ? 'yes' : 'no',
    task.class,
    says,
  ]),
)}

${table(
  ['Class of failures', 'What the fleet does'],
  Object.entries(RETRY_POLICIES).map(([name, { backoff, failuresMax }]) => [
    name,
    backoff === undefined
      ? 'The fleet does not repeat the task.'
      : `The fleet waits up to ${seconds(backoff.baseMs)} before the first repetition, and longer each time, up to ${seconds(backoff.capMs)}. After ${failuresMax === Infinity ? '`maxAttempts`' : failuresMax} failures the task fails.`,
  ]),
)}

## Of requests

A refused request gets a problem document (\`application/problem+json\`, RFC 9457); the table lists the values of its \`code\`. If the
table gives seconds for a code, the answer has the headers \`Retry-After\` and \`retry-after-ms\` (the same time in milliseconds), and the client
may send the same request again.

${table(
  ['Code', 'Status', 'Title', 'Retry-After', 'Meaning'],
  having('http').map(([code, { http, says }]) => [
    `\`${code}\``,
    String(http.status),
    http.title,
    http.retryAfterS === undefined ? '' : `${http.retryAfterS} s`,
    says,
  ]),
)}

## Of WebSocket frames

The table lists the values of \`code\` in a frame of the type \`error\`.

${table(
  ['Code', 'Meaning'],
  having('frame').map(([code, { says }]) => [`\`${code}\``, says]),
)}

## Between services

The table lists the codes that a service writes to its log when a call to another service or a server fails.

${table(
  ['Code', 'May succeed later', 'Meaning'],
  having('service').map(([code, { service, says }]) => [
    `\`${code}\``,
    service.retryable ? 'yes' : 'no',
    says,
  ]),
)}
`

await writeGenerated({
  target: new URL('../../docs/reference/error-codes.md', import.meta.url),
  text,
  script: 'document',
})
