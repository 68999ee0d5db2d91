import { place, setQuery } from '../../shell/router.ts'
import { Button } from '../button.tsx'

/** Buttons that choose the value of a filter of the address, or all values. */
export function ChoiceFilter({
  name,
  label,
  all,
  of,
}: {
  name: string
  label: string
  /** The words for no filter. */
  all: string
  of: readonly (string | readonly [value: string, words: string])[]
}) {
  const values = of.map((each) => (typeof each === 'string' ? ([each, each] as const) : each))
  return (
    <Choice
      label={label}
      of={[[undefined, all], ...values]}
      chosen={place.value.query[name]}
      choose={(value) => setQuery({ [name]: value })}
    />
  )
}

/** Buttons of which one is pressed: a filter with few values. */
export function Choice<Value extends string | undefined>({
  label,
  of,
  chosen,
  choose,
}: {
  label: string
  /** The values with their words; undefined stands for no filter. */
  of: readonly (readonly [value: Value, words: string])[]
  chosen: string | undefined
  choose: (value: Value) => void
}) {
  return (
    <div class="row" role="group" aria-label={label}>
      {of.map(([value, words]) => (
        <Button key={words} aria-pressed={value === chosen} act={() => choose(value)}>
          {words}
        </Button>
      ))}
    </div>
  )
}
