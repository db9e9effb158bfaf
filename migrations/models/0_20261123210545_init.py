from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return """
        CREATE TABLE IF NOT EXISTS "actors" (
    "id" VARCHAR(30) NOT NULL PRIMARY KEY,
    "kind" VARCHAR(20) NOT NULL,
    "name" VARCHAR(100) NOT NULL UNIQUE,
    "email" VARCHAR(254),
    "created_at" TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE "actors" IS 'A person or a service account.';
CREATE TABLE IF NOT EXISTS "api_tokens" (
    "id" VARCHAR(30) NOT NULL PRIMARY KEY,
    "name" VARCHAR(100) NOT NULL,
    "prefix" VARCHAR(20) NOT NULL,
    "secret_hash" VARCHAR(64) NOT NULL UNIQUE,
    "scopes" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "expires_at" TIMESTAMPTZ,
    "last_used_at" TIMESTAMPTZ,
    "revoked_at" TIMESTAMPTZ,
    "actor_id" VARCHAR(30) NOT NULL REFERENCES "actors" ("id") ON DELETE RESTRICT
);
CREATE INDEX IF NOT EXISTS "idx_api_tokens_actor_i_534a74" ON "api_tokens" ("actor_id");
COMMENT ON TABLE "api_tokens" IS 'A bearer token; only the SHA-256 of its secret is kept.';
CREATE TABLE IF NOT EXISTS "applications" (
    "id" VARCHAR(30) NOT NULL PRIMARY KEY,
    "name" VARCHAR(63) NOT NULL UNIQUE,
    "description" TEXT NOT NULL,
    "repository_url" TEXT,
    "build" JSONB,
    "test" JSONB,
    "deploy" JSONB NOT NULL,
    "health_check" JSONB,
    "archived_at" TIMESTAMPTZ,
    "created_at" TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE "applications" IS 'What can be deployed.';
CREATE TABLE IF NOT EXISTS "deployment_events" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "deployment_id" VARCHAR(30) NOT NULL,
    "number" BIGINT NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    "actor_id" VARCHAR(30),
    "type" VARCHAR(40) NOT NULL,
    "body" JSONB NOT NULL,
    CONSTRAINT "uid_deployment__deploym_e5de50" UNIQUE ("deployment_id", "number")
);
COMMENT ON TABLE "deployment_events" IS 'One event of a deployment''s feed, numbered from 1 without a gap.';
CREATE TABLE IF NOT EXISTS "environments" (
    "id" VARCHAR(30) NOT NULL PRIMARY KEY,
    "name" VARCHAR(63) NOT NULL UNIQUE,
    "rank" INT NOT NULL,
    "operator" VARCHAR(20) NOT NULL,
    "worker_pool" VARCHAR(63) NOT NULL,
    "max_concurrent_deployments" INT NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE "environments" IS 'Where it is deployed to.';
CREATE TABLE IF NOT EXISTS "grants" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "role" VARCHAR(20) NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "actor_id" VARCHAR(30) NOT NULL REFERENCES "actors" ("id") ON DELETE RESTRICT,
    "application_id" VARCHAR(30) REFERENCES "applications" ("id") ON DELETE RESTRICT,
    "environment_id" VARCHAR(30) REFERENCES "environments" ("id") ON DELETE RESTRICT
);
CREATE INDEX IF NOT EXISTS "idx_grants_actor_i_6e3a03" ON "grants" ("actor_id");
COMMENT ON TABLE "grants" IS 'A role of an actor, on an environment, an application, both, or everything.';
CREATE TABLE IF NOT EXISTS "idempotency_keys" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "actor_id" VARCHAR(30) NOT NULL,
    "key" VARCHAR(200) NOT NULL,
    "mutation" VARCHAR(60) NOT NULL,
    "fingerprint" VARCHAR(64) NOT NULL,
    "result" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    CONSTRAINT "uid_idempotency_actor_i_070157" UNIQUE ("actor_id", "key")
);
CREATE INDEX IF NOT EXISTS "idx_idempotency_created_944834" ON "idempotency_keys" ("created_at");
COMMENT ON TABLE "idempotency_keys" IS 'What a mutation answered for a key: the ids of the objects it returned.';
CREATE TABLE IF NOT EXISTS "task_logs" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "task_id" VARCHAR(30) NOT NULL,
    "number" BIGINT NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    "level" VARCHAR(5) NOT NULL,
    "message" TEXT NOT NULL,
    "attempt" INT NOT NULL,
    CONSTRAINT "uid_task_logs_task_id_06019f" UNIQUE ("task_id", "number")
);
COMMENT ON TABLE "task_logs" IS 'One log line, numbered from 1 within its task.';
CREATE TABLE IF NOT EXISTS "versions" (
    "id" VARCHAR(30) NOT NULL PRIMARY KEY,
    "name" VARCHAR(100) NOT NULL,
    "commit" VARCHAR(100),
    "created_at" TIMESTAMPTZ NOT NULL,
    "created_by_id" VARCHAR(30) NOT NULL REFERENCES "actors" ("id") ON DELETE RESTRICT
);
CREATE INDEX IF NOT EXISTS "idx_versions_name_5bfd52" ON "versions" ("name");
COMMENT ON TABLE "versions" IS 'What is deployed.';
CREATE TABLE IF NOT EXISTS "artifacts" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "position" INT NOT NULL,
    "image" TEXT,
    "application_id" VARCHAR(30) NOT NULL REFERENCES "applications" ("id") ON DELETE RESTRICT,
    "version_id" VARCHAR(30) NOT NULL REFERENCES "versions" ("id") ON DELETE RESTRICT,
    CONSTRAINT "uid_artifacts_version_67bd3e" UNIQUE ("version_id", "application_id")
);
COMMENT ON TABLE "artifacts" IS 'What a version holds of one application.';
CREATE TABLE IF NOT EXISTS "deployments" (
    "id" VARCHAR(30) NOT NULL PRIMARY KEY,
    "status" VARCHAR(20) NOT NULL,
    "progress" INT NOT NULL,
    "strategy" JSONB NOT NULL,
    "must_in_order" JSONB NOT NULL,
    "error_message" TEXT,
    "attempt" INT NOT NULL,
    "revision" INT NOT NULL,
    "last_event" BIGINT NOT NULL,
    "rollback_of" VARCHAR(30),
    "created_at" TIMESTAMPTZ NOT NULL,
    "updated_at" TIMESTAMPTZ NOT NULL,
    "queued_at" TIMESTAMPTZ,
    "started_at" TIMESTAMPTZ,
    "completed_at" TIMESTAMPTZ,
    "created_by_id" VARCHAR(30) NOT NULL REFERENCES "actors" ("id") ON DELETE RESTRICT,
    "environment_id" VARCHAR(30) NOT NULL REFERENCES "environments" ("id") ON DELETE RESTRICT,
    "version_id" VARCHAR(30) NOT NULL REFERENCES "versions" ("id") ON DELETE RESTRICT
);
CREATE INDEX IF NOT EXISTS "idx_deployments_environ_0faa34" ON "deployments" ("environment_id", "status");
CREATE INDEX IF NOT EXISTS "idx_deployments_status_ee5dd7" ON "deployments" ("status");
CREATE INDEX IF NOT EXISTS "idx_deployments_version_3ff210" ON "deployments" ("version_id");
CREATE INDEX IF NOT EXISTS "idx_deployments_created_9711e8" ON "deployments" ("created_by_id");
COMMENT ON TABLE "deployments" IS 'A version on its way to an environment.';
CREATE TABLE IF NOT EXISTS "deployment_applications" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "position" INT NOT NULL,
    "previous_version_id" VARCHAR(30),
    "previous_deployment_id" VARCHAR(30),
    "previous_since" TIMESTAMPTZ,
    "application_id" VARCHAR(30) NOT NULL REFERENCES "applications" ("id") ON DELETE RESTRICT,
    "deployment_id" VARCHAR(30) NOT NULL REFERENCES "deployments" ("id") ON DELETE RESTRICT,
    CONSTRAINT "uid_deployment__deploym_a1a908" UNIQUE ("deployment_id", "application_id")
);
CREATE INDEX IF NOT EXISTS "idx_deployment__applica_05745a" ON "deployment_applications" ("application_id");
COMMENT ON TABLE "deployment_applications" IS 'An application of a deployment, and what ran before its deploy task began.';
CREATE TABLE IF NOT EXISTS "releases" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "since" TIMESTAMPTZ NOT NULL,
    "application_id" VARCHAR(30) NOT NULL REFERENCES "applications" ("id") ON DELETE RESTRICT,
    "deployment_id" VARCHAR(30) NOT NULL REFERENCES "deployments" ("id") ON DELETE RESTRICT,
    "environment_id" VARCHAR(30) NOT NULL REFERENCES "environments" ("id") ON DELETE RESTRICT,
    "version_id" VARCHAR(30) NOT NULL REFERENCES "versions" ("id") ON DELETE RESTRICT,
    CONSTRAINT "uid_releases_environ_8a9dba" UNIQUE ("environment_id", "application_id")
);
CREATE INDEX IF NOT EXISTS "idx_releases_applica_17a801" ON "releases" ("application_id");
COMMENT ON TABLE "releases" IS 'What runs now.';
CREATE TABLE IF NOT EXISTS "rollbacks" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "status" VARCHAR(20) NOT NULL,
    "automatic" BOOL NOT NULL,
    "reason" TEXT,
    "requested_by" VARCHAR(30),
    "started_at" TIMESTAMPTZ NOT NULL,
    "completed_at" TIMESTAMPTZ,
    "error_message" TEXT,
    "deployment_id" VARCHAR(30) NOT NULL REFERENCES "deployments" ("id") ON DELETE RESTRICT
);
CREATE INDEX IF NOT EXISTS "idx_rollbacks_deploym_a55f58" ON "rollbacks" ("deployment_id");
COMMENT ON TABLE "rollbacks" IS 'Work that takes a deployment''s applications back.';
CREATE TABLE IF NOT EXISTS "tasks" (
    "id" VARCHAR(30) NOT NULL PRIMARY KEY,
    "key" VARCHAR(200) NOT NULL,
    "name" VARCHAR(200) NOT NULL,
    "type" VARCHAR(20) NOT NULL,
    "status" VARCHAR(20) NOT NULL,
    "order" INT NOT NULL,
    "block_by" JSONB NOT NULL,
    "command" JSONB,
    "payload" JSONB NOT NULL,
    "result" JSONB,
    "error_message" TEXT,
    "timeout_seconds" INT NOT NULL,
    "max_attempts" INT NOT NULL,
    "position" JSONB,
    "attempt" INT NOT NULL,
    "failures" INT NOT NULL,
    "losses" INT NOT NULL,
    "activity" VARCHAR(10),
    "worker" VARCHAR(100),
    "lease_until" TIMESTAMPTZ,
    "resume_at" TIMESTAMPTZ,
    "retry_at" TIMESTAMPTZ,
    "touched" BOOL NOT NULL,
    "stop" BOOL NOT NULL,
    "rollout" JSONB,
    "started_at" TIMESTAMPTZ,
    "completed_at" TIMESTAMPTZ,
    "last_log" BIGINT NOT NULL,
    "application_id" VARCHAR(30) REFERENCES "applications" ("id") ON DELETE RESTRICT,
    "deployment_id" VARCHAR(30) NOT NULL REFERENCES "deployments" ("id") ON DELETE RESTRICT,
    CONSTRAINT "uid_tasks_deploym_6927dd" UNIQUE ("deployment_id", "key")
);
COMMENT ON TABLE "tasks" IS 'A task of a deployment''s workflow.';
CREATE TABLE IF NOT EXISTS "task_attempts" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "number" INT NOT NULL,
    "activity" VARCHAR(10) NOT NULL,
    "status" VARCHAR(20) NOT NULL,
    "worker" VARCHAR(100),
    "started_at" TIMESTAMPTZ NOT NULL,
    "completed_at" TIMESTAMPTZ,
    "error_message" TEXT,
    "exit_code" INT,
    "task_id" VARCHAR(30) NOT NULL REFERENCES "tasks" ("id") ON DELETE RESTRICT,
    CONSTRAINT "uid_task_attemp_task_id_1937b3" UNIQUE ("task_id", "number")
);
COMMENT ON TABLE "task_attempts" IS 'One attempt of a task.';
CREATE TABLE IF NOT EXISTS "workers" (
    "id" VARCHAR(100) NOT NULL PRIMARY KEY,
    "pool" VARCHAR(63) NOT NULL,
    "started_at" TIMESTAMPTZ NOT NULL,
    "seen_at" TIMESTAMPTZ NOT NULL
);
CREATE INDEX IF NOT EXISTS "idx_workers_pool_12843b" ON "workers" ("pool");
COMMENT ON TABLE "workers" IS 'A worker process that said it lives.';
CREATE TABLE IF NOT EXISTS "aerich" (
    "id" SERIAL NOT NULL PRIMARY KEY,
    "version" VARCHAR(255) NOT NULL,
    "app" VARCHAR(100) NOT NULL,
    "content" JSONB NOT NULL
);"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return """
        """


MODELS_STATE = (
    "eJztXW1v2zgS/iuEv1wPyBaN89Le3Se3m+3mrm0ObW672GIh0BJt6yyLWopKauzlvx+pF+"
    "uNVERbtimZQIEmFIeRn6HJmWeGwz9HK+wgL3w5sSkmo7+DP0c+XCH2Q/nBGRjBIMibeQOF"
    "Uy/uCXmXuAlOQ0rYr6x1Br0QsSYHhTZxA+pin/edgACREPsAEwBBiMiDayMAbRtHPn3Jx3"
    "CwzQZx/Xm77pHv/hEhi+I5ogvEP8K331mz6zvoOwqzX4OlNXOR55Q+oevwAeJ2i66DuO3d"
    "ApKf4p78VaaWjb1o5ee9gzVdYH/Tnb0pb50jHxFIkVP44H7keSlCWVPyrqyBkghtXtLJGx"
    "w0g5HH4ePSyRvkbSPL+nR3b325ubesUQ3aTKIAX9pkY5+rxfVpGH/+Ffxuecif0wX79eLV"
    "U/J3chySXvwP/jL5/O7nyecXF6/+yv8gZrpNVP4pfTKOHz3FQ0AKk0Fi1HOYl+xjqgCd9e"
    "8G6qwhxzqfmQcHe9wG7LEc7HEKdg5u/L8CuFn/wc3j81dtsGW9pODGz8roohV0PRV4NwJb"
    "4Zuip+ncvbpsM3mvLuWzlz8rA2wTxOGwIK2j/CN7Qt0VEiNdlqzA7aSiL7MferhyNIB9f/"
    "vx5sv95OO/+fCrMPzDi/Ga3N/wJ+O4dV1pfXFd0ctmEPD19v5nwH8Fv919uonhxCGdk/gv"
    "5v3ufxvxd4IRxZaPHy3oFDHJmrOmJ77tzpaFHYE3TKG9fITEsWpP8BjL+tYfrcaragv04T"
    "xWEkeTv2dmvwTuPV4iX2jbZM+azZvAZeYF69baxJkiSBABsdA/APa9NWC2Cfjy8+SH8dU1"
    "wDPg0pBZM2wOU+CGYIkCoe2z9TjPG0XfEqvNYlbN78ZAOq6BdNw9XKtNZi+7eEDQzP2ugn"
    "AuMUCMuzdCkxXIWsBwoYJyRWxwK8d1G4PpWm4vXdfMpdDGfIwaxv/8cvdJgvFGomoiuTYF"
    "/wOeG9IezugGYDkWJbsoA/TFx8mvVazffbh7WzV4+ABvjZ16KnZqyd/7HrhsuC3UXJbsQM"
    "2a+YJD0rIHQ2pF4VZf56qs0bTOmibogflO2+i5LGm0rLOWN56sgu1ZlBmgjd+N01qjcCqY"
    "1wH/CRPkzv1/oXUM+y17RejbIm+1Gl7qGdxP2YTKWvOvOIGPGy6lNM/Yp2efGdH4839m0/"
    "7z7bv70dOxeLHAc22Yfm4BNZY/PmtmxzYdW/JjXxeQAhv6YIqAgwIPr5FTZ7+kvUzAT4el"
    "4UxbPksjqK8v2hAAF3IC4KJKABRfq4bwPfpOxQhXxAax4TVZMDe/3jdTABsD5sPdp/dZ9y"
    "ov8FSxJZnd4rLVfG1FRBAUlKNflxxCdPDQ+E8j1xOs33LqayOwE/PVH9T3QnxRFAp8Jzno"
    "WX+D+faYJ+aOCuq5hGF5dwB+gaBHF5a9QPZSBf6qnJn82+sAEnvhPmzF2VREDWmjM2ljIi"
    "qDVbMumT+EurOEiajTG9mzs0ZuI+2lQmxA8IBIyFrAArO35Ek62EegQJNIuI6WggL649so"
    "lUx5poLIJr9nW3rkrTu/9SV+jZAg4VRY5SuXrqL6Ou1z/go//G08vrh4PX51cf3m6vL166"
    "s3r96wvvH71h+9bviSvr19f/up4tHwhmbWJPYRhX69VAFFkefV0IOVL9XE+Pzy9eWbi+vL"
    "jQI2LU24ZxgXZvSKLQ0qrvpGwHjo6h56Zd2pwd4QjalJDoKi2g/xmgNeXvbbgl2WMkCrB7"
    "9SBDsIf/2Sj9QzyNsGwMqzTRICk6wiHQBciWMNFOT6+qlVrPHHmJ5aIV9oixeeNlrjzqZf"
    "60T8zKJm/3im/CNcA4oB9AHyH1yCfT6YKPG+tVybRPuCTKocNmlpFI5Yz2+lnwvflfj3zN"
    "Odrk2evgZxzVRVClDnEgPcZrvPIw8I5tyDAGK5C1QQMS6QwAXiY1M0VwonFGVMQGEHMnsV"
    "hWzN9y1MHCTIlpJroCZo1LCDGhAhmFgrtkwo0gE1QUMLbEELUIpWgYDmly7qBQmzpgvWdI"
    "IeXLEDKoW0KGIwFWAaJ/ajh9QLaU+Cl+WGBO1B+PDCpMaex91NC89UTOyK2BAW6H3Thib0"
    "utXe2IfQa1HNUeBsqeaypFGz1mpmgEZbabkkaJJldNZxSCHZ7qtcljRa1lnLNl4FnLLfam"
    "euyBpNa63pErGvYO3WBAfIK3dv8NYjMG3xrksawE1igklM0BjyvSUmFNaCDgC+KY82UJDr"
    "62cLoPNNrgOch37AvGYRaJr58cx5c3HHs3b5IJb6IfSJX8ys5snWEOQDngHoO+CRp2WT+A"
    "j6jE27OBUk6QMoDJeseQ4F2dzdDi3M9y589FYp39+EHUwSuEkC13Dl6zqyE/DYF45Cazur"
    "VCJuAg3PuwEb6GrrlTL4tREM/gr4h25qI6lQSnVpQyrpTCqZ4xcH/nptvap1s5idAtwNXI"
    "dTShvf0Uss56D3DPi2rmJt2pnTGKd9GuPm4dkjGTcPCucykjyolh74nY9A3L/qIf8lBDOE"
    "nDP23qspIsgBM4JX4Bw8umxORfyk9BwGdb+7iwHbedvJOOZgdT98arNNH9QqSr8cShM+lx"
    "kSg3HgBMotCuaY/K4euHXHqG6smZu+7zUrBkcB36z/ADeEyzbgXsrBvayBO8WO0umzrL85"
    "8qR45EmTukvFyLbAt6gEvuV+RSF23LoAE4pjafwutKxmNKBYVHBJ3tHUl9ZjdTb1pZ+Fuv"
    "v60gT6gsqX8lNlafchWe2dxR1xwD+96JYE+VQtygzQuOi+ZMAjJktErABjpXt6K2IDhLr7"
    "tYEPz/6kHRHCKZFKOZaWK0bzIGYdEawj5rieFOq++/maWOzv2T4utNWTB41W+px3aV2QiW"
    "APxfS8D2KO4oyXWCrXVTqLH+YhlDMwxXTBOhLO7hM2idmMEBVt6nTsPd6gbJj/QzH/fEao"
    "WAVZ/wGaA91bXmZbGuy2dHT6WTeF7pt/Pnrq1onx/Uc/EHgCeDekbpnLI0G7RKLnL4/U5Y"
    "CaZhN6r+fTjpkT11OcNU+Ju3XQKsAU+faaKW4k8IQrPc6aXGI372st0Vrt9pBVRJNzY9AP"
    "H5NkNeadQsAGYtAuEHCTu0H4j3j6X2TTkAeyCKIR8aUXqXYzrjA7rrhIscFMVlw/fGNj1x"
    "/AzlwiQeaDHN+0+wChHb9qxz80ERA1dLMlTQXioswAcb5uA/O1HOXrGsgz9scRCYgrMirl"
    "OFfEhgj1ZRuoL+VQX9aC7yjk71tDWZ4qlUuYZKkd6kP3i8o8pK3SdyZTkwDbZ+bpwBCNBI"
    "5F9qjRoyBJJxVPgkR+CBgUEoeg9Fho19ddY1NkYhim/1anwbs8BN6j/aYXq5xWoQTdlGtO"
    "gQ8K7qOHbk4NcFPL8ThBMlNu8ATCOX0FunU8R7CSdACyqU5aA9eUQ9lXOZQjUQbpvTYjEW"
    "eQPTtrJA3SXm1ZA0yWgHJugMIlCqsVNIolNgEfVkAsbDNCm0TbsqYMraAprWCuR91vxi33"
    "+1fs+2MLZjnGHoK+xLEvylWQnqYnoHoGddPkvbv7UCJr3t5WLyn8z8e3N59fnMfQs04uLc"
    "3wYkAGhiJ7RX5hZC4xhLTAJl5sHzdFEsQ+digr/d2Qt1+RGwL2+3brNbpSqEeLS+/oYHOn"
    "0Klo2lxyfMyty0QBTC1YHYAfBvlxD0Mh8RG3nzWRHvz2jNankeOrNurFQnlxiJknSp1oJ9"
    "KuiOjOudKmslDnlYVMvu4+83WPW7dp+PjGACngm/UfJL5dk2+G3dwzwJg4orLBUvJ+098U"
    "DRJQl1MP20shjdZQeLMgY/LJd8knxytm2gpMNjn2BZGdoO+PG74X5AO49jBUQr4gYib9Dt"
    "Af7fTKiU95w/sdk/fjvDeOqBUi9iKOSiVEgaSxZASWDDc7IaVoFSgXmiyKGWxFV2NKrxtt"
    "2C/l942adVth3U4np8KULkiY2SyYzTPoehFBKqtEUcRgKsDUw2GohGguYPAUXdJjU/fBpU"
    "o0c1FmCDZamUk6b8MkncuZpHNJTXAVhHOJIeLbDuAmhGsQx8eRrcinrqDsenNWSUXUJJXo"
    "nFTCXfQV2iJ3qCRodKy3jilZb6XiXM5oWGcNUxzZCyQ6HNGUNl6QMknj7ZPGQ4oDRaQzEQ"
    "OzQm4+9jwcqfHNuYghLrYnLjTKHO+PJnq3Z5jE8VPRtAdDanl4Lti0Gs5OFqWGxPQc+tLm"
    "Y5fr0eyLZar19B5uk6d/hDx9XQqaaLacdF7P5HjnISZp9E9yLGKSBwebT0eUouLPn5K48x"
    "FIJZJzD3yM+skIeTfhaYj4RRKg/Wg1Zc2mbLxG9knD3cuJtmoakMKfCwzJSux3PFA7UPcc"
    "EDS5+we5hVkFYBNxVYy4asS66Ta7h0TGGNrtVDRt8raPmbeNvruUYeoIkJeasiWZraxZzU"
    "Dv2pgteHWtz6DmIgO0tPZOqNG0IMKOHE9WV6FnYLdldwqTTDta5wOejySUzockuvIMnePh"
    "uQKVw3oDz/XZ08Qx5/cAErwC5+DRpQvXBy4NGygeNXFD/QyJ+jGr+96jUzJ2rWmSD5NgO3"
    "QYVtnZMt50D3wsDz0gQYK6fMHaCAxwubpqsVpdSRerq9rtm+qe664+q274HtppNUcGu/BY"
    "a+7UcYz/7A4LgfFfuN5CbvynN0So3AnohmnVOuk94dUez1fnVzLWTcm6zkvW6VZU7XhY7y"
    "XswuvyuEo3H+cSQ+BlDwFxr27f1cbA6JstnilrulYkEWqCg7AdD0wU5yB2QBdPbIr7iHlb"
    "vrg247Rijb8mqRMCu/HrJqlCbjYmiRetSyQn3UFAsM2ct+R2pxC6DnAp8NwHFIqKJLcTMr"
    "alNpux3LwM0jOIbbHO+g/PvLy+aIH29YUUbP7IpPScoOETIuRvo+NczChYOwVrQiJNEHHt"
    "hcgWSJ802gIw7/OcKSBXbMfb+KkEc3dMupHv2NJbdp+9rHugvtX4qk3kg/WSJzxf1aIf/E"
    "ulgHDafYDo7ol186nwkGBTAe2NiCnjrFjd4aib2dP/AQj6Q30="
)
