import { useEffect, useRef, useState } from 'preact/hooks'
import { plural } from '@agentfleet/domain'
import type { BulkCancelPage, ReplayPage } from '@agentfleet/protocol'
import { Button } from '../parts/button.tsx'
import { Dialog } from '../parts/forms/dialog.tsx'
import { once, request } from '../api/http.ts'
import { NOTHING_DONE, runPages, type BulkPage, type BulkPart, type Progress } from './bulk.ts'

/** A bulk action that the reader has asked for and not yet confirmed. */
export interface Wanted {
  readonly verb: 'cancel' | 'replay'
  /** Which tasks, in words: `failed, agent reviewer`. */
  readonly what: string
  readonly parts: readonly BulkPart[]
}

/** The dry run asks for the largest pages; the action itself for small ones, so that its progress moves. */
const COUNT_LIMIT = 1_000
const ACT_LIMIT = 200

/** Counts the tasks of a bulk action, asks, acts with visible progress, and continues after an interruption. */
export function BulkDialog({
  wanted,
  closed,
}: {
  wanted: Wanted
  closed: (acted: boolean) => void
}) {
  const stopped = useRef(false)
  const [counted, setCounted] = useState(NOTHING_DONE)
  const [acted, setActed] = useState<Progress>()
  const [problem, setProblem] = useState('')
  const [busy, setBusy] = useState(true)
  const [reason, setReason] = useState('')
  const [from, setFrom] = useState<'start' | 'journal'>('start')
  // The same key for the whole action: even if a request is sent twice, each task is replayed once.
  const [headers] = useState(once)
  const cancels = wanted.verb === 'cancel'
  const fields = cancels ? { reason: reason.trim() || undefined } : { from }

  const run = async (start: Progress, extra: object, report: (next: Progress) => void) => {
    setBusy(true)
    setProblem('')
    try {
      await runPages(
        wanted.parts,
        start,
        (part, cursor) => {
          if (stopped.current) throw new Error('The action was stopped.')
          return send(wanted.verb, { ...part, ...extra, cursor }, headers)
        },
        report,
      )
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
    }
    setBusy(false)
  }
  const countAll = () => run(counted, { dryRun: true, limit: COUNT_LIMIT }, setCounted)
  const act = () => run(acted ?? NOTHING_DONE, { ...fields, limit: ACT_LIMIT }, setActed)
  useEffect(() => {
    void countAll()
    return () => {
      stopped.current = true
    }
  }, [])

  return (
    <Dialog
      title={cancels ? 'Cancel tasks' : 'Replay tasks'}
      closed={() => closed((acted?.done ?? 0) > 0)}
    >
      {(close) => (
        <>
          <p>{wanted.what}</p>
          <p role="status">{statusOf(wanted.verb, counted, acted, busy)}</p>
          {acted !== undefined && (
            <progress max={Math.max(1, counted.matched)} value={acted.done} aria-label="Progress" />
          )}
          <Problems progress={acted} problem={problem} />
          {acted === undefined && cancels && <Reason reason={reason} change={setReason} />}
          {acted === undefined && !cancels && <From from={from} choose={setFrom} />}
          <p class="row">
            {!acted?.finished && counted.finished && (
              <Button class="primary" disabled={busy || counted.matched === 0} act={act}>
                {acted === undefined
                  ? `${cancels ? 'Cancel' : 'Replay'} ${plural(counted.matched, 'task')}`
                  : 'Continue'}
              </Button>
            )}
            {!counted.finished && problem !== '' && <Button act={countAll}>Count again</Button>}
            <Button act={close}>
              {acted?.finished ? 'Close' : acted !== undefined && busy ? 'Stop' : 'Do nothing'}
            </Button>
          </p>
        </>
      )}
    </Dialog>
  )
}

function statusOf(
  verb: Wanted['verb'],
  counted: Progress,
  acted: Progress | undefined,
  busy: boolean,
): string {
  const past = verb === 'cancel' ? 'cancelled' : 'replayed'
  if (acted !== undefined) {
    const end = acted.finished ? '' : busy ? ' so far' : '. It was interrupted; continue it'
    return `${acted.done} of ${acted.finished ? acted.matched : counted.matched} ${past}${end}.`
  }
  if (!counted.finished) return `Counting … ${plural(counted.matched, 'task')} so far.`
  if (counted.matched === 0) return 'No task matches.'
  return `${plural(counted.matched, 'task')} would be ${past}.`
}

function Problems({ progress, problem }: { progress: Progress | undefined; problem: string }) {
  return (
    <div role="alert">
      {problem !== '' && <p class="problem">{problem}</p>}
      {[...(progress?.problems ?? [])].map(([text, number]) => (
        <p key={text} class="problem">
          {plural(number, 'task')}: {text}
        </p>
      ))}
    </div>
  )
}

function Reason({ reason, change }: { reason: string; change: (reason: string) => void }) {
  return (
    <label class="block">
      Reason (optional; it is stored with each task)
      <input
        value={reason}
        maxLength={500}
        onInput={({ currentTarget }) => change(currentTarget.value)}
      />
    </label>
  )
}

function From({
  from,
  choose,
}: {
  from: 'start' | 'journal'
  choose: (from: 'start' | 'journal') => void
}) {
  const choices = [
    ['start', 'From the start: every LLM call is paid again, and every tool call is repeated'],
    [
      'journal',
      'From the journal: finished LLM calls are not paid again, and finished tool calls are not repeated',
    ],
  ] as const
  return (
    <fieldset>
      <legend>Replay</legend>
      {choices.map(([value, label]) => (
        <label key={value} class="block">
          <input type="radio" name="from" checked={from === value} onChange={() => choose(value)} />{' '}
          {label}
        </label>
      ))}
    </fieldset>
  )
}

async function send(
  verb: Wanted['verb'],
  body: object,
  headers: ReturnType<typeof once>,
): Promise<BulkPage> {
  const path = `/v1/tasks:${verb}`
  const sent = { method: 'POST', body } as const
  if (verb === 'cancel') {
    const { matched, cancelled, failed, nextCursor } = await request<BulkCancelPage>(path, sent)
    return {
      matched,
      done: cancelled,
      problems: failed.map(({ problem }) => problem.detail ?? problem.title),
      nextCursor,
    }
  }
  const page = await request<ReplayPage>(path, { ...sent, headers })
  const problems = page.results.flatMap(({ problem }) =>
    problem === undefined ? [] : [problem.detail ?? problem.title],
  )
  const done = page.results.length - problems.length
  return { matched: page.matched, done, problems, nextCursor: page.nextCursor }
}
