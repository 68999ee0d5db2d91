/** Gives the simulator a script of these turns; returns the name of the model that plays it. */
export async function playScript(
  simulatorUrl: string | undefined,
  name: string,
  turns: readonly object[],
): Promise<string> {
  const answer = await fetch(`${simulatorUrl}/sim/scripts`, {
    method: 'POST',
    body: JSON.stringify({ name, turns }),
  })
  if (!answer.ok) throw new Error(`the simulator refused ${name}: ${await answer.text()}`)
  return `sim-script:${name}`
}
