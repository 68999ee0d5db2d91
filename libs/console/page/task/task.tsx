import type { ComponentChildren } from 'preact'
import { useMemo, useRef } from 'preact/hooks'
import {
  costText,
  count,
  duration,
  isTerminal,
  ofAtMost,
  plural,
  unpricedCallsOf,
  usdLimit,
} from '@agentfleet/domain'
import type { HistoryEvent, TaskView } from '@agentfleet/protocol'
import { nowMs } from '../api/http.ts'
import { Facts } from '../parts/facts.tsx'
import { Choice } from '../parts/filters/choice.tsx'
import { NodeLink, TaskLink } from '../parts/links.tsx'
import { StateMark } from '../parts/mark.tsx'
import { Record } from '../parts/record.tsx'
import { Copyable, Text, TitledText } from '../parts/text.tsx'
import { Instant } from '../parts/time.tsx'
import { linkTo, place, setQuery, url } from '../shell/router.ts'
import { lastList, neighboursOf } from '../tasks/neighbours.ts'
import { TaskActions } from './actions.tsx'
import { Children } from './children.tsx'
import { snippetsOf } from './code.ts'
import { Events } from './events.tsx'
import { useTask, type Followed } from './follow.ts'
import type { LiveText } from './live-text.ts'
import { timelineOf, type Bar } from './timeline.ts'
import { Waterfall } from './waterfall.tsx'
import { SENTENCE_CHARS, taskWords } from './words.ts'

const TABS = ['timeline', 'output', 'input', 'events', 'code'] as const
type Tab = (typeof TABS)[number]

/** One task: what happened, why, at what price. */
export function Task({ id }: { id: string }) {
  const { loaded, live } = useTask(id)
  return (
    <Record
      kind="Task"
      name={id}
      view="tasks"
      query={lastList.value?.query}
      beside={<Neighbours id={id} />}
      loaded={loaded}
    >
      {(followed) => (
        <>
          <Header {...followed} />
          <TaskActions {...followed} changed={loaded.reload} />
          <Tabs followed={followed} live={live} />
        </>
      )}
    </Record>
  )
}

/** Links to the tasks before and after this one in the list that the reader came from. */
function Neighbours({ id }: { id: string }) {
  const list = lastList.value?.list
  const { before, after } = useMemo(() => neighboursOf(list, id), [list, id])
  if (before === undefined && after === undefined) return null
  const query = { tab: place.value.query['tab'] }
  return (
    <nav class="row" aria-label="Tasks of the list">
      {before !== undefined && (
        <a rel="prev" href={linkTo('tasks', before, query)}>
          Task before
        </a>
      )}
      {after !== undefined && (
        <a rel="next" href={linkTo('tasks', after, query)}>
          Task after
        </a>
      )}
    </nav>
  )
}

function Header({ task }: Followed) {
  const { usage, budget, definition, placement } = task
  return (
    <>
      <p class="headline">
        <StateMark state={task.state} /> <bdi>{taskWords(task, nowMs())}</bdi>{' '}
        {(task.error?.message.length ?? 0) > SENTENCE_CHARS && (
          <a href={linkTo('tasks', task.id, { tab: 'output' })}>The whole error</a>
        )}
      </p>
      <Facts
        of={[
          ['Error code', task.error && <code>{task.error.code}</code>],
          [
            'Agent',
            definition === undefined ? (
              task.agent
            ) : (
              <a href={linkTo('agents', definition.name)}>
                {definition.name}{' '}
                {definition.version === 0
                  ? '(built-in definition)'
                  : `version ${definition.version}`}
              </a>
            ),
          ],
          ['Model', task.model],
          ['Node', task.node && <NodeLink id={task.node} />],
          ['Why this node', placement?.reason],
          ['Submitted', <Instant key="at" at={task.createdAt} />],
          ['Deadline', <Instant key="deadline" at={task.deadlineAt} />],
          ['Attempt', attemptWords(task)],
          ['LLM calls', count(usage.llmCalls)],
          [
            'Tokens',
            `${count(usage.inputTokens)} in, ${count(usage.outputTokens)} out${ofAtMost(budget?.tokens, count)}`,
          ],
          ['Cost', `${costWords(usage)}${ofAtMost(budget?.usd, usdLimit)}`],
          ['Time limit', budget?.wallMs && duration(budget.wallMs)],
          ['Priority', task.priority],
          ['Replay of', task.replayOf && <TaskLink id={task.replayOf} />],
          ['Created by', task.parentId && <TaskLink id={task.parentId} />],
          ['Depends on', links(task.dependsOn)],
          ['Created', task.children && plural(task.children.length, 'task')],
          ['Approvals', task.approvals && <Approved key="approvals" of={task.approvals} />],
        ]}
      />
    </>
  )
}

/** Who decided which step, and why. */
function Approved({ of }: { of: NonNullable<TaskView['approvals']> }) {
  return (
    <ul class="plain">
      {of.map(({ step, approved, by, person, note, atMs }) => (
        <li key={step}>
          Step {step} {approved ? 'approved' : 'refused'} by <bdi>{person ?? by}</bdi>
          {person !== undefined && ` (key ${by})`} {atMs !== undefined && <Instant at={atMs} />}
          {note !== undefined && (
            <>
              : <bdi>{note}</bdi>
            </>
          )}
        </li>
      ))}
    </ul>
  )
}

function costWords(usage: TaskView['usage']): string {
  const unpricedCalls = unpricedCallsOf(usage)
  if (unpricedCalls === 0) return costText(usage)
  return `${costText(usage)}, ${plural(unpricedCalls, 'call')} to a model without a price`
}

function attemptWords({ attempt, failures }: TaskView): string {
  return failures === 0
    ? String(attempt)
    : `${attempt}, after ${plural(failures, 'failed attempt')}`
}

function links(ids: readonly string[] | undefined): ComponentChildren | undefined {
  if (ids === undefined || ids.length === 0) return undefined
  return ids.map((id) => (
    <span key={id}>
      <TaskLink id={id} />{' '}
    </span>
  ))
}

function Tabs({ followed, live }: { followed: Followed; live: LiveText | undefined }) {
  const chosen = TABS.find((each) => each === place.value.query['tab']) ?? 'timeline'
  return (
    <>
      <Choice
        label="Parts of the task"
        of={TABS.map((tab) => [tab, tab] as const)}
        chosen={chosen}
        choose={(tab) => setQuery({ tab: tab === 'timeline' ? undefined : tab })}
      />
      <TabOf tab={chosen} {...followed} live={live} />
    </>
  )
}

function TabOf({ tab, task, events, live }: Followed & { tab: Tab; live: LiveText | undefined }) {
  switch (tab) {
    case 'timeline':
      return (
        <>
          <Timeline task={task} events={events} />
          <p class="muted">
            “≤” marks an upper bound: the start is not stored, and the bar begins at the event
            before it.
          </p>
          {task.children !== undefined && task.children.length > 0 && <Children task={task} />}
          {live !== undefined && <Output task={task} live={live} />}
        </>
      )
    case 'output':
      return <Output task={task} live={live} />
    case 'input':
      return <Input task={task} />
    case 'events':
      return <Events id={task.id} events={events} />
    case 'code':
      return (
        <>
          {snippetsOf(task, location.origin + url('')).map(({ label, text }) => (
            <section key={label}>
              <h2>{label}</h2>
              <Copyable label={label} text={text} />
            </section>
          ))}
        </>
      )
  }
}

function Timeline({ task, events }: Pick<Followed, 'task' | 'events'>) {
  // Live text draws ten times a second; thousands of bars are computed at most once a second.
  const second = isTerminal(task.state) ? 0 : Math.floor(nowMs() / 1_000)
  const known = useRef(new WeakMap<HistoryEvent, Bar>())
  const bars = useMemo(
    () => timelineOf(task, events, nowMs(), known.current),
    [task, events, second],
  )
  return <Waterfall id={task.id} bars={bars} />
}

function Output({ task, live }: { task: TaskView; live: LiveText | undefined }) {
  if (task.result !== undefined) return <Text value={task.result} label="Result" />
  if (task.error !== undefined) return <Text value={task.error.message} label="Error" />
  if (live === undefined) {
    return <p class="empty">The task has written nothing since this page was opened.</p>
  }
  return (
    <section class="live-text">
      <p class="muted">
        Attempt {live.attempt} on <NodeLink id={live.node} /> writes
        {live.incomplete && '; earlier parts are missing here'}:
      </p>
      <Text value={live.text} label="Text so far" follow />
    </section>
  )
}

function Input({ task }: { task: TaskView }) {
  return (
    <>
      <TitledText title="Task" value={task.task} />
      <TitledText title="System prompt" value={task.systemPrompt} />
      <TitledText title="Context" value={task.context} />
      <TitledText title="Tools" value={task.tools} />
      <TitledText title="Metadata" value={task.metadata} />
      <TitledText title="Answer schema" value={task.responseSchema} />
    </>
  )
}
