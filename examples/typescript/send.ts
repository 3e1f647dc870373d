// Send the records of a file, one JSON object per line, as input events:
//
//     EVENTROUTER_KEY=... node send.js TENANT SCHEMA OPERATION records.jsonl
//
// Each event has an idempotency key made from its content: however often an entry or
// the whole file is sent, within 35 days, each event has one effect and one bill.
// AWS_ENDPOINT_URL names a local server, for example http://127.0.0.1:4010.
import { EventBridgeClient, PutEventsCommand, type PutEventsRequestEntry } from "@aws-sdk/client-eventbridge";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";

const maxEntries = 10; // of one call
const attempts = 10; // until the program gives up

function entry(tenant: string, schema: string, operation: string, line: string): PutEventsRequestEntry {
  const key = createHash("sha256").update([tenant, schema, operation, line].join("\n")).digest("hex");
  const detail = { tenant, rootSchema: schema, operation, payload: JSON.parse(line), api_key: process.env.EVENTROUTER_KEY, idempotency_key: key };
  return { Source: "blockforger-input", DetailType: `${schema}.${operation}`, Detail: JSON.stringify(detail) };
}

async function send(client: EventBridgeClient, entries: PutEventsRequestEntry[]): Promise<void> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const failed: PutEventsRequestEntry[] = [];
    for (let i = 0; i < entries.length; i += maxEntries) {
      const batch = entries.slice(i, i + maxEntries);
      try {
        const { Entries: results = [] } = await client.send(new PutEventsCommand({ Entries: batch }));
        failed.push(...batch.filter((_, j) => results[j]?.EventId === undefined));
      } catch (error) {
        console.error(`attempt ${attempt + 1}: ${error}`);
        failed.push(...batch);
      }
    }
    if (failed.length === 0) return;
    entries = failed;
    await setTimeout(Math.random() * Math.min(30_000, 100 * 2 ** attempt));
  }
  throw new Error(`${entries.length} events were not accepted`);
}

async function main([tenant, schema, operation, file]: string[]): Promise<void> {
  const lines = readFileSync(file, "utf8").split("\n").filter((line) => line.trim() !== "");
  const entries = lines.map((line) => entry(tenant, schema, operation, line));
  await send(new EventBridgeClient({}), entries);
  console.log(`${entries.length} events sent`);
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
