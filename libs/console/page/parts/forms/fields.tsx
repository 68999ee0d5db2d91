import type { ComponentChildren } from 'preact'
import { useId, useState } from 'preact/hooks'
import { LEVELS, type Level } from '@agentfleet/domain'
import type { TaskRequest } from '@agentfleet/protocol'
import { Select } from '../filters/select.tsx'

const PRIORITIES = LEVELS.map((level) => [level, level] as const)

/** What every field of a form has. */
interface Named {
  readonly label: string
  /** What the reader should know before entering a value. */
  readonly note?: ComponentChildren
  /** What the gateway refuses about the value. */
  readonly problem?: string | undefined
}

/** Attributes that connect an input with its note and its problem, for screen readers. */
interface Described {
  readonly id: string
  readonly 'aria-describedby': string | undefined
  readonly 'aria-invalid': true | undefined
}

function Field({
  label,
  note,
  problem,
  children,
}: Named & { children: (described: Described) => ComponentChildren }) {
  const id = useId()
  const noteId = note === undefined ? undefined : `${id}-note`
  const problemId = problem === undefined ? undefined : `${id}-problem`
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({
        id,
        'aria-describedby': [noteId, problemId].filter(Boolean).join(' ') || undefined,
        'aria-invalid': problem === undefined ? undefined : true,
      })}
      {noteId && (
        <p id={noteId} class="muted">
          {note}
        </p>
      )}
      {problemId && (
        <p id={problemId} class="problem">
          {label} {problem}
        </p>
      )}
    </div>
  )
}

interface TextProps extends Named {
  readonly value: string | undefined
  readonly set: (text: string) => void
  readonly max: number
  /** A text of several lines has this many rows on the screen. */
  readonly rows?: number
  /** Values that the browser offers; others are allowed. */
  readonly choices?: readonly string[] | undefined
  readonly required?: boolean
}

/** A text. */
export function TextField({
  value = '',
  set,
  max,
  rows,
  choices = [],
  required,
  ...named
}: TextProps) {
  const onInput = (event: { currentTarget: { value: string } }) => set(event.currentTarget.value)
  return (
    <Field {...named}>
      {(described) => {
        const list = choices.length === 0 ? undefined : `${described.id}-list`
        const common = { ...described, value, required, maxLength: max, onInput }
        if (rows !== undefined) return <textarea {...common} rows={rows} />
        return (
          <>
            <input {...common} type="text" list={list} />
            {list !== undefined && (
              <datalist id={list}>
                {choices.map((each) => (
                  <option key={each} value={each} />
                ))}
              </datalist>
            )}
          </>
        )
      }}
    </Field>
  )
}

/** Names with commas between them; undefined if there are none. */
export function NamesField({
  value,
  set,
  ...named
}: Named & { value: readonly string[] | undefined; set: (names: string[] | undefined) => void }) {
  const enter = (text: string) => {
    const entered = text.split(/[\s,]+/).filter(Boolean)
    set(entered.length === 0 ? undefined : entered)
  }
  return (
    <Field {...named}>
      {(described) => (
        <Written {...described} type="text" begin={value?.join(', ')} enter={enter} />
      )}
    </Field>
  )
}

/** A number; undefined if the field is empty. The API has the number in units of `unit`. */
export function NumberField({
  value,
  set,
  unit = 1,
  ...named
}: Named & { value: number | undefined; set: (value: number | undefined) => void; unit?: number }) {
  return (
    <Field {...named}>
      {(described) => (
        <Written
          {...described}
          type="number"
          begin={value === undefined ? '' : String(value / unit)}
          enter={(text) => set(text.trim() === '' ? undefined : Number(text) * unit)}
        />
      )}
    </Field>
  )
}

/**
 * An input for a value that is not a text. It keeps what the reader writes, such as a comma at the end, and enters
 * each letter at once: a change on the way to a button would move the button away from under the click.
 */
function Written({
  begin = '',
  enter,
  ...rest
}: Described & {
  type: 'text' | 'number'
  begin: string | undefined
  enter: (text: string) => void
}) {
  const [text, setText] = useState(begin)
  return (
    <input
      {...rest}
      list={undefined}
      step="any"
      value={text}
      onInput={({ currentTarget: { value } }) => {
        setText(value)
        enter(value)
      }}
    />
  )
}

/** One of few values. */
export function ChoiceField<Value extends string>({
  value,
  set,
  of,
  ...named
}: Named & {
  value: Value
  set: (value: Value) => void
  /** The values with their words. */
  of: readonly (readonly [value: Value, words: string])[]
}) {
  return (
    <Field {...named}>
      {(described) => <Select {...described} value={value} of={of} choose={set} />}
    </Field>
  )
}

/** The priority of a task or a goal. */
export function PriorityField({
  value = 'medium',
  ...rest
}: Omit<Named, 'label'> & {
  value: TaskRequest['priority']
  set: (value: Level) => void
}) {
  return <ChoiceField label="Priority" value={value} of={PRIORITIES} {...rest} />
}

type Budget = TaskRequest['budget']

/** The dollars of a budget; its other limits stay unchanged. */
export function BudgetField({
  value: { usd, ...others } = {},
  set,
  ...named
}: Omit<Named, 'label'> & { value: Budget; set: (budget: Budget) => void }) {
  const setUsd = (most: number | undefined) => {
    const next = most === undefined ? others : { ...others, usd: most }
    set(Object.keys(next).length === 0 ? undefined : next)
  }
  return <NumberField label="Budget, USD" value={usd} set={setUsd} {...named} />
}
