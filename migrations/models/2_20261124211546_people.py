from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return """
        CREATE TABLE IF NOT EXISTS "audit_entries" (
    "id" VARCHAR(30) NOT NULL PRIMARY KEY,
    "at" TIMESTAMPTZ NOT NULL,
    "actor_id" VARCHAR(30) NOT NULL,
    "action" VARCHAR(60) NOT NULL,
    "target_id" VARCHAR(30) NOT NULL,
    "before" JSONB,
    "after" JSONB,
    "reason" TEXT,
    "source_ip" VARCHAR(45)
);
CREATE INDEX IF NOT EXISTS "idx_audit_entri_target__81181b" ON "audit_entries" ("target_id");
CREATE INDEX IF NOT EXISTS "idx_audit_entri_actor_i_0d7271" ON "audit_entries" ("actor_id");
COMMENT ON TABLE "audit_entries" IS 'One change: who, what, when, from where, and what was before and after. Entries are only ever added.';
        CREATE FUNCTION "keep_audit_entries"() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'audit entries are neither changed nor removed'; END $$;
        CREATE TRIGGER "keep_audit_entries" BEFORE UPDATE OR DELETE ON "audit_entries"
            FOR EACH ROW EXECUTE FUNCTION "keep_audit_entries"();
        CREATE TRIGGER "keep_all_audit_entries" BEFORE TRUNCATE ON "audit_entries"
            FOR EACH STATEMENT EXECUTE FUNCTION "keep_audit_entries"();
        CREATE TABLE IF NOT EXISTS "workflow_templates" (
    "id" VARCHAR(30) NOT NULL PRIMARY KEY,
    "name" VARCHAR(100) NOT NULL UNIQUE,
    "description" TEXT NOT NULL,
    "archived_at" TIMESTAMPTZ,
    "created_at" TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE "workflow_templates" IS 'A named graph to make deployments from.';
        CREATE TABLE IF NOT EXISTS "approvals" (
    "id" VARCHAR(30) NOT NULL PRIMARY KEY,
    "task_id" VARCHAR(30),
    "subject" VARCHAR(20) NOT NULL,
    "rollout_step" INT,
    "revision" INT NOT NULL,
    "status" VARCHAR(20) NOT NULL,
    "required_approvals" INT NOT NULL,
    "approver_roles" JSONB NOT NULL,
    "allow_self_approval" BOOL NOT NULL,
    "on_timeout" VARCHAR(20) NOT NULL,
    "requested_at" TIMESTAMPTZ NOT NULL,
    "expires_at" TIMESTAMPTZ,
    "decided_at" TIMESTAMPTZ,
    "deployment_id" VARCHAR(30) NOT NULL REFERENCES "deployments" ("id") ON DELETE RESTRICT
);
CREATE INDEX IF NOT EXISTS "idx_approvals_deploym_9c672e" ON "approvals" ("deployment_id");
CREATE INDEX IF NOT EXISTS "idx_approvals_status_e8b55d" ON "approvals" ("status", "expires_at");
COMMENT ON TABLE "approvals" IS 'Something that people are asked for: a deployment, a task, or a step of a rollout.';
        CREATE TABLE IF NOT EXISTS "approval_decisions" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "verdict" VARCHAR(10) NOT NULL,
    "comment" TEXT NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    "actor_id" VARCHAR(30) NOT NULL REFERENCES "actors" ("id") ON DELETE RESTRICT,
    "approval_id" VARCHAR(30) NOT NULL REFERENCES "approvals" ("id") ON DELETE RESTRICT,
    CONSTRAINT "uid_approval_de_approva_c72246" UNIQUE ("approval_id", "actor_id")
);
COMMENT ON TABLE "approval_decisions" IS 'What one person decided, and why.';
        CREATE TABLE IF NOT EXISTS "freeze_windows" (
    "id" VARCHAR(30) NOT NULL PRIMARY KEY,
    "name" VARCHAR(100) NOT NULL,
    "reason" TEXT NOT NULL,
    "starts_at" TIMESTAMPTZ NOT NULL,
    "ends_at" TIMESTAMPTZ NOT NULL,
    "recurrence" TEXT,
    "timezone" VARCHAR(64) NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "environment_id" VARCHAR(30) NOT NULL REFERENCES "environments" ("id") ON DELETE RESTRICT
);
CREATE INDEX IF NOT EXISTS "idx_freeze_wind_environ_7a19e6" ON "freeze_windows" ("environment_id");
COMMENT ON TABLE "freeze_windows" IS 'When no deployment of an environment starts. `recurrence` is an RFC 5545 rule; times repeat in `timezone`.';
        CREATE TABLE IF NOT EXISTS "template_versions" (
    "id" VARCHAR(30) NOT NULL PRIMARY KEY,
    "number" INT NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "note" TEXT NOT NULL,
    "parameters" JSONB NOT NULL,
    "tasks" JSONB NOT NULL,
    "author_id" VARCHAR(30) NOT NULL REFERENCES "actors" ("id") ON DELETE RESTRICT,
    "template_id" VARCHAR(30) NOT NULL REFERENCES "workflow_templates" ("id") ON DELETE RESTRICT,
    CONSTRAINT "uid_template_ve_templat_eac4a9" UNIQUE ("template_id", "number")
);
COMMENT ON TABLE "template_versions" IS 'One version of a template; it never changes.';
        CREATE TABLE IF NOT EXISTS "workflow_revisions" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "number" INT NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    "summary" TEXT NOT NULL,
    "tasks" JSONB,
    "author_id" VARCHAR(30) NOT NULL REFERENCES "actors" ("id") ON DELETE RESTRICT,
    "deployment_id" VARCHAR(30) NOT NULL REFERENCES "deployments" ("id") ON DELETE RESTRICT,
    CONSTRAINT "uid_workflow_re_deploym_a48bb0" UNIQUE ("deployment_id", "number")
);
COMMENT ON TABLE "workflow_revisions" IS 'A revision of a deployment''s workflow. `tasks` is null while it is the current one: the tasks themselves tell.';
        ALTER TABLE "applications" RENAME COLUMN "deploy" TO "shell";
        ALTER TABLE "applications" ALTER COLUMN "shell" DROP NOT NULL;
        ALTER TABLE "applications" ADD "kubernetes" JSONB;
        UPDATE "deployment_applications" SET "definition" = ("definition" - 'deploy')
            || jsonb_build_object('shell', "definition" -> 'deploy');
        INSERT INTO "workflow_revisions" ("number", "at", "summary", "author_id", "deployment_id")
            SELECT "revision", "created_at", '', "created_by_id", "id" FROM "deployments";
        ALTER TABLE "deployments" ADD "manual_approval" BOOL NOT NULL DEFAULT False;
        ALTER TABLE "deployments" ADD "template_version_id" VARCHAR(30);
        ALTER TABLE "deployments" ADD "freeze_override_reason" TEXT;
        ALTER TABLE "environments" ADD "approval_policy" JSONB;
        ALTER TABLE "environments" ADD "kubernetes" JSONB;
        ALTER TABLE "releases" ADD "color" VARCHAR(10);
        ALTER TABLE "tasks" ADD "confirmed_at" TIMESTAMPTZ;
        ALTER TABLE "tasks" ADD "require_confirm" BOOL NOT NULL DEFAULT False;
        ALTER TABLE "tasks" ADD "confirmed_by" VARCHAR(30);"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return """
        ALTER TABLE "tasks" DROP COLUMN "confirmed_at";
        ALTER TABLE "tasks" DROP COLUMN "require_confirm";
        ALTER TABLE "tasks" DROP COLUMN "confirmed_by";
        ALTER TABLE "releases" DROP COLUMN "color";
        ALTER TABLE "deployments" DROP COLUMN "manual_approval";
        ALTER TABLE "deployments" DROP COLUMN "template_version_id";
        ALTER TABLE "deployments" DROP COLUMN "freeze_override_reason";
        UPDATE "deployment_applications" SET "definition" = ("definition" - 'shell' - 'kubernetes')
            || jsonb_build_object('deploy', "definition" -> 'shell');
        DELETE FROM "applications" WHERE "shell" IS NULL;
        ALTER TABLE "applications" RENAME COLUMN "shell" TO "deploy";
        ALTER TABLE "applications" ALTER COLUMN "deploy" SET NOT NULL;
        ALTER TABLE "applications" DROP COLUMN "kubernetes";
        ALTER TABLE "environments" DROP COLUMN "approval_policy";
        ALTER TABLE "environments" DROP COLUMN "kubernetes";
        DROP TABLE IF EXISTS "approval_decisions";
        DROP TABLE IF EXISTS "audit_entries";
        DROP FUNCTION IF EXISTS "keep_audit_entries";
        DROP TABLE IF EXISTS "approvals";
        DROP TABLE IF EXISTS "workflow_revisions";
        DROP TABLE IF EXISTS "template_versions";
        DROP TABLE IF EXISTS "workflow_templates";
        DROP TABLE IF EXISTS "freeze_windows";"""


MODELS_STATE = (
    "eJztXWtz27jV/isYf2k6o2YS37Lv7ic76911m8TvJG7TaabDQCQksaIILgjacdv89wIUKd"
    "5AGqApCaLPzF5sEAeiHsDAOc+54D9HK+qRIH554XLKjn5E/zkK8YqIH6oPJugIR1HRLBs4"
    "ngZpTyy7pE14GnMmfhWtMxzERDR5JHaZH3GfhrLvBYoIi2mIKEMYxYTd+S5B2HVpEvKXcg"
    "yPumIQP5zrdU9C//eEOJzOCV8Q+RW+/FM0+6FHvpE4/zVaOjOfBF7lG/qeHCBtd/hDlLa9"
    "XWD2S9pTvsrUcWmQrMKid/TAFzTcdBdvKlvnJCQMc+KVvniYBEGGUN60flfRwFlCNi/pFQ"
    "0emeEkkPBJ6fUbFG1HjvPh5tb5dHXrOEcNaHOJEnxZk0tDOS1+yOP0+6/wNycg4ZwvxK8n"
    "r76vP6fAYd1LfuDfLj6+/e3i44uTV3+UH0jF3K6n/EP25Dh99D0dAnO8HiRFvYB5Kb6mCd"
    "B5/2GgzhsKrIuVuXOwj3XAPm4H+zgDuwA3/b8BuHn/0a3j1690sBW9WsFNn1XRJSvsBybw"
    "bgR64ZuhZ+naPTvVWbxnp+2rVz6rAuwyIuFwMG+i/LN4wv0VUSNdlazB7WWiL/MfDnDn6A"
    "D79vr91afbi/f/L4dfxfHvQYrXxe2VfHKctj7UWl+c1+ZlMwj6fH37G5K/on/cfLhK4aQx"
    "n7P0E4t+t/84ku+EE06dkN472CtjkjfnTd/lsTtblk4E2TDF7vIeM89pPKHHtK1v89HqeF"
    "VvwSGep5Mk0ZTvmesvkX9LlyRU6jb5s271JvKFeiG6aas4U4IZYSgV+gnRMHhAQjdBn367"
    "+NPx2TmiM+TzWGgzYg1z5MdoSSKl7tN7nMeVoi9rrc0RWs0/QUHar4K03zPcqkNmK6d4xM"
    "jM/2aCcCExQoyHV0LXO5CzwPHCBOWa2Oh2jnMdhem8XV86b6hLsUvlGA2M//zp5kMLxhuJ"
    "uorkuxz9FwV+zA9wRXcAK7Go6EU5oC/eX/y9jvXbdzeXdYVHDnAJeupz0VMr9t63yBfD9Z"
    "jmquQA02yZLTimWQ5wzJ0k7vXnXJeFmbZ5phm5E7ZTn3muSsIs2zzLG0vWQPcsy4xQxx/G"
    "aG1QODXMm4D/Qhnx5+FfyEMK+7V4RRy6Kmu17l46MLi/5wsqby3+xBm+33AplXUmvr34zo"
    "Sn3/+jWPYfr9/eHn3fFy8WBb6Ls++toMaKx5NudmzTUZMf+7zAHLk4RFOCPBIF9IF4Tfar"
    "tRc4/GzYGibW8lkWQX1+okMAnLQTACd1AqD8Wg2Eb8k3rka4JjaKA69Lg7n6+203BbBRYN"
    "7dfPg1717nBb7XdEmht/hiN39wEqZwCraj35Qcg3dw1/hPEz9Q7N/t1NdG4EnM1+GgvhXi"
    "i5NYYTu1g573B8z7Yx4vSKDYYDpI3lwAUO+P+jKZEhYK7dyIX69KAf798V8QHPCF4y6Iuz"
    "SZgboczEH/OcDMXfh3vQizmigwZjYzZuDOGu00WxN2FTF6h4MjNbe0fjZ5hFhKe2mySp/o"
    "ivCFmFnEJXMUERoFBGEm/o2XxEMzyn5EOKOSViTkE/EbF88mWWw5J5GMqMKI0SCgiSIgaz"
    "sfoROrVQyZBmxN0BdhM2KepNiUXI8QyrVn6kvOtqEnoiQyBlpgO4iXjKNk+i/iKs6tjjij"
    "QmQUzNe2w7my3cmR+1UT5+uwjeaqidWwlj6Sw1vNc/kSfzp+ffrm9IeT89MfRJf0PTctbz"
    "rQv/5w2yAR7/xYSd62w1oS6QWpdct3YEyLk1B7Q9hIwH6gsx+Q3xOhYQilv6ySaS9flTAs"
    "ZMVCXiNEmCN2UjMWqikJ0Z5PoUHEQXbvxCSYbVZtczYuqcAahy0Toh6hNitTMcS4puPy5u"
    "ZdZTour+uunb++v7z6+OJ1Ojeik78Oh2j+NUic/BURGoXJ1l6Vgu1dc3sncT86qC4LhJB1"
    "hBDENz+3WfaI63u9/pyrkjDLds9ymRM0OCIbgiM8Jbce/1qA2ITeOAj258pgBwa8biRsY9"
    "nZFg6bauk/ix0wbo+JrfaZ6PgvHC/rbhIeS0OSV77J9uQJwqGH7hcPLaGyj0ko3Axfindc"
    "z0g1JbxvRO2lP29lA5QbjsL6zxaQvX6Ften/f8fHJydvjl+dnP9wdvrmzdkPrzYcQPNRFx"
    "lwef2rtIAqu1FuErV7G4TFLw17k82/JDLCbf+1XvZ4R/J4o0AJXak3+fZwz5LIKCDedaBn"
    "j9gTsD3t11chS2sH3tHaga6Nc1UMoO6RENdKFJvnxJWGOjDQtdPiqguuxRRobB9DgAsJh3"
    "uysBj3Z2vLp2lZ5c8mnRZV1svEkMJIaLzS+kILKt5Shl9JS6mUtdhiT2kKKs2qTDK3qgoR"
    "sK0OxrZKU7bMIjXKIuDgVrj0/JXYGkxMqY3AGCLjdm5HVfcdM3WwJgkaoYbyXd32DRiZGI"
    "B+iuqdITiAcvi3YqQDg1xXPayuNh29u1oI4ummTXm0kYLc3D/t0sQTz+dXIWcPRypdvHja"
    "rY3Lfg4RHX2iqZHfCAXaXeBwTn5E9ws6Ef/BXP6XhBM0Y3Qlf2Qkd1wILfwex2hKZlTmWI"
    "g2POOEvURX6w9NUy/SqrhELGuEPU9VSGRXH6qTx8ExE083ORxQgteWvA3gnIFzBs65J+fs"
    "qpWDTojHVImmVvRHB+DzdoDPGwAXp4YBxhWhEcI8/DpeH/lNjDsqzGwkoOjAE6LtpX5lAv"
    "tGAFDvjzojODYrIlZIABtnzsbFNGEucXxFRmVHolpZaAyoV/fw0zONPfz0rHUPl48UzNB+"
    "rOpSEKfCqq6GeLZb1UWUpPZtM7mfSvwjr4O5xw+IU2G5IhLe+YyGcjDV7TLacjqWbUkm0z"
    "myJMtysYL05xIDlf6eVxSZPmyaksjLi4yAZbxnyxiya7ecfhUxKs9pk5zasgg4GpUp4fLL"
    "zx9MtMqyDGTPPkGzXCWxOANChzLPTK9vCMI0PGEaIiyvqWji35m3XAjtOVVZre0MAfaAKc"
    "pCF0xw0DdHXCENoD8O+owR8m/iyHIHzPeIY27Ito8wBhNr14YtJ6soEOg4/cIfWsTHMBPb"
    "JizF8qXMWQlF0DCsqiE4BrR3n6Yil67Cb9iqtpckQGuH4lg7wTS9r4zcKVPYuoKJq3Jjgn"
    "YnccXVYnqSYHTozORYrImNYYPe9nEIRY17nY2HFtNRIocNp7kqCdNs9TQLQJNes1wRhBI2"
    "Ns9xzDHr96dclYRZtnmWxVDJqmd1ubIkzLLNs+zSVSQD3HvpXzVZmGmrZ7risDewaRqCI/"
    "QPb4Hla0RW6OLdlATAIY0P0vgshnxraXylvWAAgK+qo40U5Ob+qQF0ccgNgPPYi5U0NAKr"
    "8iSLmM1HLktXd5zoxXk65jeoX4TlOiTrK6Uqt07lmYwsvT89zWSUIZ7rPumVVKJ5jhW1T4"
    "YdWlkdpVEI9JECKV+UHaBkCpRMsXDnG9p/J17QD1tQbY+kq0pBGN1Twuiki5kmcc/wlhZx"
    "8Oc9bodtoOtd6bx9BMDfAP/Yz5RUE06vKQ2sns2sHlSL2vGfF9zfAPc32AC8rq2ue38DFI"
    "96Gs6WF48q1vrV3aO5rld3Bgmv63BDg1JSaf86RfGHGM2IvPwiTFZTwuS13LLG02t074s1"
    "lcjCrnMcqctEPXVAPbpjPQ7UgT0MUgOO6Z1qRdkfh9GCL2TGRCHtOE4ZKqCN06zbRwU0y8"
    "z0be9ZKTgG+Ob9R3ggnOqAe9oO7mmzKhf1jNL48/5AehuS3paU0SmHFihsi1rkQbtdUXLe"
    "a98XQVJnJvJzd6bQ9TlV3Q/R3vHxWjlQ0Ga/BW3S/xsAnfcfHdTnJxpQn5+0F6o8adwkjs"
    "OlgfM37z4mrX0wxy+N5LdXXXnUvlTLMiNULoavvbRMhOEYEk4U1ZfaVYyqFBSh7O9cv6ds"
    "SZgTZXVOdNd5TWyES334vVkOLz7STRiTlFStzqDmjt09COzjKl4lv+kuooHvGpkyClHYbP"
    "pvNpAf3mcqDoLxssR2/SUtLPVZTGL6bg3jtfJ80mW9ZiWq7tOu+vZriEJacl2lrqxKPVeU"
    "Js7GL9FXRta7uEu+SjtWdPv4y1t0dnZ6hlgSkJ+QXMoxYiQSax/5IfoqG/5NQ/JVaRHv8K"
    "N71KOFMrLP2uret05Ru6Re75b6rmvqG5bMzsu524Zx1xG2lXru6W7Wt3RBDLqErbpENWvO"
    "6zPFJTGYYKsnuFBFzLbOstQYXKS73j1zhc5EJSjLjOLIqlE+pzqUz2k75XMKBdGe5R4GBS"
    "L2G0oOqfVbTK3fD5HzK8Pq8IP1g0kXdTOXXbQv72E0IBlXkoZdTeR1PFXiZJI+LKLCJ2hK"
    "+UJ0ZOkVtGIViRlRXfAz6Ng6pEvP+2whmFk+20Uws1wRJgdE3n+Ex8LwzmRQt56FugV3Cu"
    "8gpHbv2aiW2eejLzL3DPDuMCGwq4z0gnpR9dzI0j5qedEzyxb04IaZLWm+B4qz5Vm+1x5Z"
    "RZST0H0QE3eksIRrPSZdJrFf9HWW5EE7ngHL5NpVwte1yHAY36/zb4V1ipEYSEC7IMj3Ym"
    "nlyh/p9F/E5bGMzWeEJywknipYYbBxlQm/5U1KDAaJvodhG4NevwM9c0kUEZDt+GbdRwjt"
    "sVYQyHFHEMhxMwgk39JMIC7LjBDncx2Yz9tRPm+APBMfTljEfJVS2Y5zTWyMUA/uwJT3Pw"
    "QKlNtDpgsJyP98NqHSu9RVDp3JtCRS+qOwdHBMjhSGRf6o06Jg604mlgRLwhgJKFoMgspj"
    "pV7fNI2hcPE4VH+Bq1mi5UZgfFzna73g5I7Y5Pop3qt86JBVQw/oND+IM8QqR41tkwtlQ0"
    "cF994dY88NcLh9CaIY9w39aJ1lhwq0trdMsZMMADLcJ9YAF+pnb6t+9p4IGRoEcqQjFSOT"
    "P5t0UjJZL11OhrIl4pJ54XhJ4nrJ5fKlWEgOq6Bt+oygE8ZcnSkgbewkbcSmwhNF8Zp2Jb"
    "GQGKGCOHw8s7T7V+Lvx1WsckoDgsMWw74sV0N6mpVsOjCouxbvzc27CllzeV3Pf/zr+8ur"
    "jy9ep9CLTj6vrHDI4d9bFioj4mvHbbd1dqRF1OTGxwIPb9enZQ96uRSrksAHW80Hu3QVSZ"
    "22l++4JgsXhtk804QxypwViWNhUZgcWg3BMWyfuz66wA0At4fZAPw42I9P94RERwrqY/1g"
    "0sV7xLKLSYk+GVC+rmAbowDHHIkRIj5BMV2zGTQkWdz5CnmUpFHnacR6evg1aZBhxoTC9X"
    "bY3x0B6nBDz1j0KEui8G5xrCR80/bOTY+LHto1LmRnxa16cr+aBaqAPD0Rvdv2VBk4X47S"
    "6EEnCbkfQG3QfdcGhaSQbSaFQOXV7eKbAmSAb95/lPgO7YMAJ8+WAabMU1232erD3PSHyx"
    "4UHpxpQN2l0pnQcWFdSQaSlp6StERXQtNVqGzt2JdE4GaN/shH+CGg2Aj5kggs+idAv7cU"
    "yWe+5MH7sU/vh6StaMKdmIgX8UxusFJIgiaj0GSk2ok5J6vI+IKwshhgq4zz+T3xGZFOk5"
    "nPVk14O8OrFNJ7DrJSE3+WBVdlcBnH+tTlxrBdbzvWp8CsTxBIVRaCQGxzXlQ0fxr76kyW"
    "DtW/JAMqaH8VNDtnDU7nkgQczIozYob9IGGqy4BbIS2LAKYKTAMax0aIFgKAp+o+WZf7dz"
    "430mHKMuPTX4avWLGOpDFBuJAYI75buK+w7IA31BBroqAg2qwgSrZxRXrYARVBmGO755iz"
    "h15TXMjBDNs8w5wm7oKo0l27mKqSFKQB6jNVMaeRIdK5CMBskG1Jg4AmZq6zQgSIi/7EhU"
    "WpgIczEwd3ZkAm4HOZaZlw4gR0rji0OqphlKXGxPTspCyGRQUYLfvDgvqLBw83JF7uIfHS"
    "lhJ1lm0nujBbfp+TzOi6yLx/LQlfF4VzsDvvqxLg83j+101IUCaxzuiSYzRzvtq7KfO80h"
    "dZAx0mq6lohmuWLNJP2pO9stlqzEAr/IXAmLTEw/YHWgfqtkvYQxrSdtOQwOO6dY+rRayb"
    "bat7TGQM0G7PZaYhBWWfKSjkm88Fpp4C+VZVtiLTS5u1DPShldmSVaerB5RERqhpbZ1Q41"
    "mplydyPHnFmAMDW5fdKS0y62idd3R+1ELpvFt7Vx6hcwI6N6ByRG8U+KF4ujbM5b3ZjK7Q"
    "a3Tv84UfIp/HHRSPmThQP2OifmB337p3qo1d61rk4yTYdu2GheJ8Y7SxAnJHFAHq7RvWRm"
    "CE29WZxm511rpZnTVuqze3XJ9qs9qG766NVkgZHMJibZhTe1L+xcQEAvn8djKVEVDr0m0M"
    "ZJ2d7DIwA6Mgk8gct9k4P8kiw6HYDxlyFzick1htEpgIqw2C/MWHMwqgyufgVT7B8TssV+"
    "YygnvS/BVJ0ECt1kBDyo1UpLw/6Ec99KMIM/ETFwdSE/KuWnZlKShn94TUkE1dcV3sNwIA"
    "+1NKiSQCPGYaP14WGsV2s212rqaoapOgVTGAuoebK4NwAFfX5+wOgtvSkAcGvrbbq7rwdC"
    "LH0z1hAJQvXE4PcV1rx4uXN0+rfIoddIIWjWDGHnyWtxP5cXbNB/FU9xspesBtRTZsuJMu"
    "c9+yayf2h/VWojll5XJfYfl3FbLMJcYQ7rULiIFgeQ4ESz5Z0wdDtbwhCIq5uWJegAhK46"
    "NKY2PFWaU4fl5nZCj0xs+bXI12tTG7vVJPa7zILrtEEaMuieP1JZcx9j3pNgr8O5WvSVcI"
    "dEtrDuN29TLKShvpYp33H596eX6igfb5SSvY8hFkCj1DxScmJOwzx4UYTLB1E2xJbEpOkn"
    "4kd34bm9To86h+IHs7LOuurSrkAl33yaKvqSPpqySa5FdB9ws/IFIv8OP0cm03YUzIyIu0"
    "f0wb0v7phdoxCYTqgDgJApXSseuP17sWFyLn7YsmhtiZnRVNgGjtsRx4FY0mWa0wUzAJ7e"
    "EyJZFR0De7jpjZU8CGZWw0xGuMhquEWn87hbuDGoZafzup9QcRG3rg2hux0YhI6jC2y1FL"
    "GsZ2HgGkbWzLj/XQnOFogThFK7wkJZs3TpO9VVaythyw8zZs25MuY3WvkR8WQb2VqITymz"
    "VAbrdzamKj0Ed2nj3J3IV/18sxUhOFwlo20wgQ+DPaabbEPXJBmO8uVHpa9qRTO8NFn8c0"
    "svaJHViPei6OgCdS0O1a010RW62rOJVERnGe14rMnunUmxC92svMnjVqTsg/KgOEs+4jRH"
    "dLQckhV9I17XRwSQQy+AwZ4b0eZt//BwwqgDw="
)
