/** The rows of a table that groups its inputs by the expected result: title, input, expected result. */
export function casesOf<Expected extends string, Input>(
  groups: Readonly<Record<Expected, Readonly<Record<string, Input>>>>,
): [title: string, input: Input, expected: Expected][] {
  const expected = Object.keys(groups) as Expected[]
  return expected.flatMap((each) =>
    Object.entries<Input>(groups[each]).map(([title, input]): [string, Input, Expected] => [
      title,
      input,
      each,
    ]),
  )
}
