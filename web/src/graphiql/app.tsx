import { useGraphiQLActions } from '@graphiql/react';
import { GraphiQL } from 'graphiql';
import { useState } from 'react';
import { createFetcher } from './fetcher';
import { keepToken, readToken } from './token';

const EXAMPLE = `# Type a token at the top right, then press Ctrl-Enter.

query Recent {
  deployments(first: 5) {
    nodes {
      id
      status
      version { name }
      environment { name }
    }
  }
}

subscription Changes {
  deploymentsChanged {
    id
    status
    progress
  }
}
`;

const fetcher = createFetcher(new URL(location.pathname, location.href), readToken);

export function App() {
  return (
    <GraphiQL fetcher={fetcher} defaultQuery={EXAMPLE} shouldPersistHeaders={false} showPersistHeadersSettings={false}>
      <GraphiQL.Logo>
        <Token />
      </GraphiQL.Logo>
    </GraphiQL>
  );
}

/** The field for the token. With another one the schema is asked for again. */
function Token() {
  const [token, setToken] = useState(readToken);
  const { introspect } = useGraphiQLActions();
  const use = () => {
    if (token.trim() === readToken()) return;
    keepToken(token.trim());
    void introspect();
  };
  return (
    <form
      className="token"
      onSubmit={(event) => {
        event.preventDefault();
        use();
      }}
    >
      <label htmlFor="token">Token</label>
      <input
        id="token"
        type="password"
        autoComplete="off"
        spellCheck={false}
        placeholder="bor_…"
        value={token}
        onChange={(event) => setToken(event.target.value)}
        onBlur={use}
      />
    </form>
  );
}
