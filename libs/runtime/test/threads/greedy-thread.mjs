// Keeps everything that it makes.
const kept = []
for (let count = 0; ; count += 1) kept.push(() => kept[count])
