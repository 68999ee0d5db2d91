import { Button } from '../button.tsx'

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
