/** A line chart as SVG, written by hand: a few lines over time do not need a library. */

/** One line of a chart. */
export interface Line {
  readonly name: string
  readonly values: readonly number[]
  /** Thick lines are the subject of the chart. */
  readonly strong?: boolean
}

/** A chart of lines that share their steps. */
export interface Chart {
  readonly title: string
  readonly unit: string
  /** Seconds between two values. */
  readonly stepS: number
  readonly lines: readonly Line[]
}

const WIDTH = 1_280
const HEIGHT = 480
const LEFT = 56
const RIGHT = 170
const TOP = 40
const BOTTOM = 40
/** Colours that people with colour blindness can distinguish (Okabe and Ito). */
const COLOURS = ['#999999', '#000000', '#e69f00', '#56b4e9', '#cc79a7', '#d55e00', '#009e73']
const DAY_S = 86_400
const HOUR_S = 3_600
const MARKS_MAX = 16

/** Draws a chart. */
export function drawChart({ title, unit, stepS, lines }: Chart): string {
  const steps = Math.max(2, ...lines.map(({ values }) => values.length))
  const top = Math.max(1, ...lines.flatMap(({ values }) => [...values]))
  const x = (step: number): number => LEFT + (step / (steps - 1)) * (WIDTH - LEFT - RIGHT)
  const y = (value: number): number => HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM)
  const path = (values: readonly number[]): string =>
    values.map((value, i) => `${i === 0 ? 'M' : 'L'}${round(x(i))} ${round(y(value))}`).join('')
  const drawn = lines.flatMap(({ name, values, strong }, index) => {
    const colour = COLOURS[index % COLOURS.length]
    const legendY = TOP + 10 + index * 22
    return [
      `<path d="${path(values)}" fill="none" stroke="${colour}" stroke-width="${strong ? 2 : 1}"/>`,
      `<line x1="${WIDTH - RIGHT + 12}" x2="${WIDTH - RIGHT + 36}" y1="${legendY}" y2="${legendY}" stroke="${colour}" stroke-width="3"/>`,
      text(WIDTH - RIGHT + 42, legendY + 4, name),
    ]
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="${LEFT}" y="20" font-size="14">${escapeXml(title)}</text>`,
    ...horizontals(top, y, unit),
    ...verticals(steps * stepS, (atS) => x(atS / stepS)),
    ...drawn,
    '</svg>',
    '',
  ].join('\n')
}

function horizontals(top: number, y: (value: number) => number, unit: string): string[] {
  const step = Math.max(1, Math.ceil(top / 8))
  const marks: string[] = []
  for (let value = 0; value <= top; value += step) {
    marks.push(
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${round(y(value))}" y2="${round(y(value))}" stroke="#dddddd"/>`,
      text(LEFT - 8, y(value) + 4, String(value), 'end'),
    )
  }
  return [...marks, text(LEFT - 8, TOP - 8, unit, 'end')]
}

function verticals(lengthS: number, x: (atS: number) => number): string[] {
  const unitS = lengthS > 2 * DAY_S ? DAY_S : lengthS > 2 * HOUR_S ? HOUR_S : 60
  const name = unitS === DAY_S ? 'd' : unitS === HOUR_S ? 'h' : 'min'
  const every = Math.max(1, Math.ceil(lengthS / unitS / MARKS_MAX))
  const marks: string[] = []
  for (let count = 0; count * unitS < lengthS; count += every) {
    marks.push(text(x(count * unitS), HEIGHT - BOTTOM + 18, `${count} ${name}`, 'middle'))
  }
  return marks
}

function text(x: number, y: number, content: string, anchor = 'start'): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escapeXml(content)}</text>`
}

function escapeXml(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
