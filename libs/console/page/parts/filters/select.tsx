/** A list from which the reader chooses one value by its label. */
export function Select<Value extends string>({
  of,
  choose,
  ...rest
}: {
  value: string
  id?: string
  'aria-describedby'?: string | undefined
  'aria-invalid'?: true | undefined
  of: readonly (readonly [value: Value, words: string])[]
  choose: (value: Value) => void
}) {
  return (
    <select
      {...rest}
      onChange={({ currentTarget }) => {
        const [chosen] = of[currentTarget.selectedIndex] ?? []
        if (chosen !== undefined) choose(chosen)
      }}
    >
      {of.map(([value, words]) => (
        <option key={value} value={value}>
          {words}
        </option>
      ))}
    </select>
  )
}
