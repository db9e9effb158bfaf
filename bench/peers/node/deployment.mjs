// The part of Boreas's schema that is measured, over the rows of Boreas's own PostgreSQL: what both servers share.
//
// Everything that is known to make it fast is done: statements are prepared once per connection, only the columns that
// are shown are read, and times stay text, which node-postgres would make dates of, and those text again.

import { readFileSync } from 'node:fs';
import pg from 'pg';

const TIMESTAMPTZ = 1184;
const setting = JSON.parse(readFileSync(0, 'utf8'));

// 2026-11-24 21:12:10.1234+00 becomes 2026-11-24T21:12:10.123400Z.
pg.types.setTypeParser(TIMESTAMPTZ, (text) => {
  const [moment, fraction = ''] = text.slice(0, -3).split('.');
  return `${moment.replace(' ', 'T')}.${fraction.padEnd(6, '0')}Z`;
});

const pool = new pg.Pool({ ...setting.database, max: setting.connections, options: '-c timezone=UTC' });

export const typeDefs = `
  scalar DateTime
  enum DeploymentStatus { PENDING RUNNING WAITING_CONFIRM SUCCESS FAILED ROLLING_BACK ROLLED_BACK CANCELLING CANCELLED }
  enum TaskStatus { PENDING BLOCKED RUNNING WAITING_CONFIRM SUCCESS FAILED SKIPPED CANCELLED ROLLED_BACK }
  enum TaskType { PREPARE BUILD TEST DEPLOY HEALTH_CHECK CUSTOM }
  type Query { deployment(id: ID!): Deployment }
  type Deployment { id: ID! status: DeploymentStatus! progress: Int! createdAt: DateTime! tasks: [Task!]! }
  type Task {
    id: ID! key: String! name: String! type: TaskType! status: TaskStatus! order: Int! attempt: Int!
    startedAt: DateTime completedAt: DateTime
  }
`;

const DEPLOYMENT = {
  name: 'deployment',
  text: 'SELECT id, status, progress, created_at AS "createdAt" FROM deployments WHERE id = $1',
};
const TASKS = {
  name: 'tasks',
  text:
    'SELECT id, key, name, type, status, "order", attempt, started_at AS "startedAt", completed_at AS "completedAt"' +
    ' FROM tasks WHERE deployment_id = $1 ORDER BY "order"',
};

async function rows(statement, id) {
  return (await pool.query({ ...statement, values: [id] })).rows;
}

export const resolvers = {
  Query: { deployment: async (_, { id }) => (await rows(DEPLOYMENT, id))[0] ?? null },
  Deployment: { tasks: ({ id }) => rows(TASKS, id) },
};

// Tells where it serves, in one line.
export function tell(port) {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${port}/graphql` }));
}
