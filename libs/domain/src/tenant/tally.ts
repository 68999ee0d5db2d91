/** What each owner holds, and all together; an owner that holds nothing takes no memory. */
export type Tally = ReturnType<typeof createTally>

/** Creates an empty tally. */
export function createTally() {
  const amounts = new Map<string, number>()
  let total = 0
  return {
    add(owner: string, by: number): void {
      const amount = (amounts.get(owner) ?? 0) + by
      total += by
      if (amount === 0) amounts.delete(owner)
      else amounts.set(owner, amount)
    },
    of: (owner: string): number => amounts.get(owner) ?? 0,
    total: (): number => total,
  }
}
